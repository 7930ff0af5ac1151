#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/device/cpu/Peak.h"
#include "runtime/support/Error.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sys/mman.h>
#include <unistd.h>

namespace pgrt {

static constexpr int64_t hugePage = 2 << 20;
static constexpr int64_t overRead =
    64; // kernels may read so many bytes past the end of a buffer

// Pieces of work on memory that are worth a thread of their own.
static constexpr int64_t pieceBytes = 4 << 20;

CpuDevice::CpuDevice(int threads) : team(threads) {}

CpuDevice::~CpuDevice() {
  for (const Mapping &mapping : mappings)
    munmap(mapping.address, mapping.bytes);
}

std::string CpuDevice::description() const {
  return cat(team.size(), team.size() == 1 ? " thread" : " threads", " on ",
             cpuDescription());
}

// What the system can still give without swapping; 0 if it does not say.
static int64_t availableBytes() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("MemAvailable:"))
      return std::strtoll(line.c_str() + 13, nullptr, 10) * 1024;
  return 0;
}

// Memory is zero and not touched: a page costs time when it is first used, not
// at the start. Large arenas start at a huge page, so that the system can back
// them with such; the last part of each takes small pages.
std::vector<void *> CpuDevice::allocate(const std::vector<int64_t> &sizes) {
  const int64_t page = sysconf(_SC_PAGESIZE);
  double total = 0;
  for (int64_t bytes : sizes)
    total += double(bytes);
  // Memory that is promised but not there ends the process at some later touch:
  // better to say so now.
  if (int64_t available = availableBytes();
      available && total > double(available))
    failMachine("not enough memory: ", readableBytes(total), " are needed, ",
                readableBytes(double(available)),
                " are there; a smaller micro-batch or sequence needs less");
  std::vector<void *> addresses;
  for (int64_t bytes : sizes) {
    int64_t needed = (bytes + overRead + page - 1) / page * page;
    int64_t reserved = needed + (needed >= hugePage ? hugePage : 0);
    void *raw = mmap(nullptr, size_t(reserved), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED)
      failMachine("not enough memory: ", readableBytes(double(bytes)),
                  " cannot be had");
    char *address = static_cast<char *>(raw);
    if (needed >= hugePage) {
      address += (hugePage - int64_t(reinterpret_cast<uintptr_t>(raw) %
                                     uintptr_t(hugePage))) %
                 hugePage;
      madvise(address, size_t(needed), MADV_HUGEPAGE);
    }
    mappings.push_back({raw, size_t(reserved), address});
    addresses.push_back(address);
  }
  return addresses;
}

void CpuDevice::release(const std::vector<void *> &addresses) {
  for (void *address : addresses)
    std::erase_if(mappings, [&](const Mapping &mapping) {
      if (mapping.given != address)
        return false;
      munmap(mapping.address, mapping.bytes);
      return true;
    });
}

void CpuDevice::loadCode(const plan::Plan &plan) {
  int64_t scratchBytes = 0;
  kernels.clear();
  if (plan.kernels_size() == 0)
    return;
  const plan::Code &chosen = chooseCode(plan);
  code = std::make_unique<CodeObject>(chosen.object());
  for (const plan::Kernel &kernel : plan.kernels()) {
    KernelFunction function = code->find(kernel.symbol());
    if (!function)
      failInput("the plan's machine code for ", chosen.target(),
                " lacks the kernel '", kernel.symbol(), "'");
    kernels.push_back({function, kernel.chunks()});
    scratchBytes = std::max(scratchBytes, kernel.scratch_bytes());
  }
  scratch = allocate(std::vector<int64_t>(size_t(team.size()), scratchBytes));
}

void CpuDevice::launch(uint32_t kernel, void *const *buffers,
                       const double *scalars) {
  const LoadedKernel &loaded = kernels[kernel];
  team.run(loaded.chunks, [&](int64_t chunk, int thread) {
    loaded.function(chunk, buffers, scalars, scratch[size_t(thread)]);
  });
}

void CpuDevice::copy(void *to, const void *from, int64_t bytes) {
  team.run((bytes + pieceBytes - 1) / pieceBytes, [&](int64_t i, int) {
    int64_t at = i * pieceBytes;
    std::memcpy(static_cast<char *>(to) + at,
                static_cast<const char *>(from) + at,
                size_t(std::min(pieceBytes, bytes - at)));
  });
}

void CpuDevice::fill(void *to, uint32_t pattern, int64_t bytes) {
  team.run((bytes + pieceBytes - 1) / pieceBytes, [&](int64_t i, int) {
    int64_t at = i * pieceBytes, size = std::min(pieceBytes, bytes - at);
    char *begin = static_cast<char *>(to) + at;
    if (pattern == 0)
      std::memset(begin, 0, size_t(size));
    else
      std::fill_n(reinterpret_cast<uint32_t *>(begin), size / 4, pattern);
  });
}

void CpuDevice::sum(std::span<const TreeSum> sums) {
  // All of them in one round of the team.
  struct Part {
    const TreeSum *of;
    int64_t begin, end; // elements
  };
  std::vector<Part> parts;
  constexpr int64_t most = pieceBytes / 8;
  for (const TreeSum &one : sums)
    for (int64_t at = 0; at < one.elements; at += most)
      parts.push_back({&one, at, std::min(at + most, one.elements)});
  team.run(int64_t(parts.size()), [&](int64_t i, int) {
    const Part &part = parts[size_t(i)];
    sumNumbers(*part.of, part.begin, part.end);
  });
}

void CpuDevice::read(void *host, const void *device, int64_t bytes) {
  std::memcpy(host, device, size_t(bytes));
}
void CpuDevice::write(void *device, const void *host, int64_t bytes) {
  std::memcpy(device, host, size_t(bytes));
}

void CpuDevice::onHostThreads(int64_t count,
                              const std::function<void(int64_t)> &body) {
  team.runOrThrow(count, body);
}

double CpuDevice::measurePeak(const std::string &numerics) {
  return measureCpuPeak(team, numerics);
}

} // namespace pgrt
