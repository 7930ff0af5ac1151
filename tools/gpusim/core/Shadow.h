// What the race checks remember of shared memory: for each word its last write
// and the reads since.
#pragma once

#include "tools/gpusim/core/Clocks.h"

#include <string>
#include <vector>

namespace gpusim {

/// Who accesses: a thread's own access, or that of an agent it started.
struct Actor {
  const ThreadClock *issuer = nullptr; ///< whose past decides
  uint32_t agent = 0, clock = 0;       ///< under which it is remembered
  bool async = false;                  ///< by the asynchronous proxy
  bool atomic = false;                 ///< may meet other atomic accesses
  uint8_t swizzle = 0; ///< tensor tiles: 1 + the swizzle mode; 0: unknown
  int line = 0;
};

/// A conflict, for the message.
struct Conflict {
  enum Kind { None, Race, Proxy, Swizzle } kind = None;
  bool otherWrote = false;
  uint32_t agent = 0; ///< the other one
  int line = 0;       ///< of the other access
  uint8_t swizzle = 0;
  uint64_t at = 0;
};

class Shadow {
public:
  void resize(uint64_t bytes);
  Conflict access(uint64_t at, unsigned bytes, bool write, const Actor &actor);

private:
  struct Touch {
    uint32_t agent = none, clock = 0;
    int line = 0;
    bool async = false, atomic = false;
  };
  static constexpr uint32_t none = ~uint32_t(0);
  struct Cell {
    Touch write, read;
    uint32_t moreReads = 0; ///< index into lists; 0: only `read`
    uint32_t split = 0;     ///< 1 + index of four cells, one a byte
    uint8_t swizzle = 0;
  };
  Conflict touch(Cell &cell, bool write, const Actor &actor);
  Conflict against(const Touch &earlier, bool earlierWrote, bool write,
                   const Actor &actor) const;
  uint32_t newList(std::vector<Touch> reads);
  void addRead(Cell &cell, const Actor &actor);

  std::vector<Cell> words;
  std::vector<Cell> bytes; ///< cells of words that are used in parts
  std::vector<std::vector<Touch>> lists{1};
  std::vector<uint32_t> freeLists;
};

} // namespace gpusim
