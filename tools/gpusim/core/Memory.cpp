#include "tools/gpusim/core/Memory.h"

#include "tools/gpusim/core/Fault.h"

#include <algorithm>
#include <cstring>

namespace gpusim {

void WrittenBits::set(uint64_t at, uint64_t bytes) {
  while (bytes) {
    uint64_t shift = at & 63, count = std::min<uint64_t>(64 - shift, bytes);
    uint64_t ones = count == 64 ? ~uint64_t(0) : (uint64_t(1) << count) - 1;
    bits[at >> 6] |= ones << shift;
    at += count;
    bytes -= count;
  }
}

void WrittenBits::clear(uint64_t at, uint64_t bytes) {
  for (uint64_t i = at; i < at + bytes; ++i)
    bits[i >> 6] &= ~(uint64_t(1) << (i & 63));
}

uint64_t WrittenBits::firstMissing(uint64_t at, uint64_t bytes) const {
  uint64_t done = 0;
  while (done < bytes) {
    uint64_t shift = (at + done) & 63;
    uint64_t count = std::min<uint64_t>(64 - shift, bytes - done);
    uint64_t ones = count == 64 ? ~uint64_t(0) : (uint64_t(1) << count) - 1;
    uint64_t missing = ~(bits[(at + done) >> 6] >> shift) & ones;
    if (missing)
      return done + uint64_t(__builtin_ctzll(missing));
    done += count;
  }
  return bytes;
}

// Device d owns the addresses from (16 + d) TiB on.
static constexpr int firstWindow = 16;

int Memory::deviceOf(uint64_t address) {
  int window = int(address >> 40);
  return window >= firstWindow && window < firstWindow + 64
             ? window - firstWindow
             : -1;
}

uint64_t Memory::allocate(int device, uint64_t bytes, const std::string &name,
                          uint64_t align) {
  std::lock_guard<std::mutex> lock(mutex);
  uint64_t &at = next[device];
  if (!at)
    at = (uint64_t(firstWindow + device) << 40) + (1 << 20);
  align = std::max<uint64_t>(align, 512);
  at = (at + align - 1) / align * align;
  auto made = std::make_unique<Allocation>();
  made->base = at;
  made->bytes = bytes;
  made->device = device;
  made->name = name;
  made->data.reset(new uint8_t[bytes ? bytes : 1]);
  // Memory that nobody wrote reads as NaN of every float type.
  std::memset(made->data.get(), 0xff, bytes);
  made->written.resize(bytes);
  at += bytes + 4096;
  used[device] += bytes;
  uint64_t base = made->base;
  allocations[base] = std::move(made);
  return base;
}

bool Memory::free(uint64_t address) {
  std::lock_guard<std::mutex> lock(mutex);
  auto found = allocations.find(address);
  if (found == allocations.end())
    return false;
  used[found->second->device] -= found->second->bytes;
  allocations.erase(found);
  return true;
}

Allocation *Memory::find(uint64_t address) {
  std::lock_guard<std::mutex> lock(mutex);
  auto after = allocations.upper_bound(address);
  if (after == allocations.begin())
    return nullptr;
  Allocation *candidate = std::prev(after)->second.get();
  return candidate->holds(address, 1) ? candidate : nullptr;
}

std::string Memory::describe(uint64_t address) {
  std::lock_guard<std::mutex> lock(mutex);
  auto after = allocations.upper_bound(address);
  auto nameOf = [](const Allocation &a) {
    return a.name.empty()
               ? std::to_string(a.bytes) + " bytes at " + hex(a.base)
               : "'" + a.name + "' (" + std::to_string(a.bytes) + " bytes)";
  };
  if (after != allocations.begin()) {
    const Allocation &before = *std::prev(after)->second;
    uint64_t past = address - before.base - before.bytes;
    if (past < uint64_t(1) << 32)
      return std::to_string(past) + " bytes past the end of " + nameOf(before);
  }
  if (after != allocations.end() && after->second->base - address < uint64_t(1)
                                                                        << 32)
    return std::to_string(after->second->base - address) + " bytes before " +
           nameOf(*after->second);
  return "no allocation near it";
}

Allocation &Memory::mustHold(uint64_t address, uint64_t bytes,
                             const char *what) {
  Allocation *found = find(address);
  if (!found || !found->holds(address, bytes))
    throw Fault(FaultKind::OutOfBounds,
                std::string(what) + " of " + std::to_string(bytes) +
                    " bytes at device address " + hex(address) + ": " +
                    (found ? "runs past the end of its allocation"
                           : describe(address)));
  return *found;
}

void Memory::write(uint64_t address, const void *from, uint64_t bytes) {
  if (!bytes)
    return;
  Allocation &to = mustHold(address, bytes, "a copy from the host");
  std::memcpy(to.data.get() + (address - to.base), from, bytes);
  to.written.set(address - to.base, bytes);
}

void Memory::read(void *to, uint64_t address, uint64_t bytes) {
  if (!bytes)
    return;
  Allocation &from = mustHold(address, bytes, "a copy to the host");
  std::memcpy(to, from.data.get() + (address - from.base), bytes);
}

void Memory::copy(uint64_t to, uint64_t from, uint64_t bytes) {
  if (!bytes)
    return;
  Allocation &source = mustHold(from, bytes, "a copy from a device");
  Allocation &target = mustHold(to, bytes, "a copy to a device");
  uint64_t sourceAt = from - source.base, targetAt = to - target.base;
  std::memmove(target.data.get() + targetAt, source.data.get() + sourceAt,
               bytes);
  // A copy of bytes that nobody wrote does not make them written.
  uint64_t done = 0;
  while (done < bytes) {
    uint64_t good = source.written.firstMissing(sourceAt + done, bytes - done);
    target.written.set(targetAt + done, good);
    done += good;
    if (done < bytes)
      target.written.clear(targetAt + done++, 1);
  }
}

void Memory::fill(uint64_t address, uint64_t count, const void *value,
                  unsigned valueBytes) {
  if (!count)
    return;
  Allocation &to = mustHold(address, count * valueBytes, "a fill");
  uint8_t *bytes = to.data.get() + (address - to.base);
  if (valueBytes == 1)
    std::memset(bytes, *static_cast<const uint8_t *>(value), count);
  else
    for (uint64_t i = 0; i < count; ++i)
      std::memcpy(bytes + i * valueBytes, value, valueBytes);
  to.written.set(address - to.base, count * valueBytes);
}

uint64_t Memory::allocatedBytes(int device) const {
  std::lock_guard<std::mutex> lock(mutex);
  auto found = used.find(device);
  return found == used.end() ? 0 : found->second;
}

} // namespace gpusim
