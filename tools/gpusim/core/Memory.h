// The memory of all simulated devices, in one address space. Addresses are
// never used twice, and every byte knows whether somebody wrote it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace gpusim {

/// One bit a byte: was it written?
class WrittenBits {
public:
  void resize(uint64_t bytes) { bits.assign((bytes + 63) / 64, 0); }
  void set(uint64_t at, uint64_t bytes);
  void clear(uint64_t at, uint64_t bytes);
  /// The first byte of the range that was not written; `bytes` if all were.
  uint64_t firstMissing(uint64_t at, uint64_t bytes) const;

private:
  std::vector<uint64_t> bits;
};

struct Allocation {
  uint64_t base = 0, bytes = 0;
  int device = 0;
  bool readOnly = false; ///< constants of a module
  std::string name;      ///< of a variable; empty for allocated memory
  std::unique_ptr<uint8_t[]> data;
  WrittenBits written;
  bool holds(uint64_t address, uint64_t size) const {
    return address >= base && size <= bytes && address - base <= bytes - size;
  }
};

class Memory {
public:
  /// Aligned to 512 bytes, with a gap behind it. Zero bytes give an address
  /// that nothing may touch.
  uint64_t allocate(int device, uint64_t bytes, const std::string &name = "",
                    uint64_t align = 512);
  /// False if no allocation begins there.
  bool free(uint64_t address);
  /// The allocation that holds the address; null if there is none.
  Allocation *find(uint64_t address);
  /// What lies nearest, for messages: "12 bytes past the end of …".
  std::string describe(uint64_t address);

  /// Host copies. They throw Fault (OutOfBounds) for what no allocation holds.
  void write(uint64_t address, const void *from, uint64_t bytes);
  void read(void *to, uint64_t address, uint64_t bytes);
  void copy(uint64_t to, uint64_t from, uint64_t bytes);
  void fill(uint64_t address, uint64_t count, const void *value,
            unsigned valueBytes);

  uint64_t allocatedBytes(int device) const;
  /// The device whose window the address is in; −1 if it is in none.
  static int deviceOf(uint64_t address);

  /// Pairs (reader, owner) for which peer access is switched on.
  std::set<std::pair<int, int>> peers;

private:
  Allocation &mustHold(uint64_t address, uint64_t bytes, const char *what);

  std::map<uint64_t, std::unique_ptr<Allocation>> allocations; ///< by base
  std::map<int, uint64_t> next, used;
  mutable std::mutex mutex;
};

} // namespace gpusim
