// Which pieces of work have to wait for which: from the memory that they read
// and write.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace pgrt {

struct MemoryRange {
  uint64_t begin = 0, end = 0;
};

class Dependencies {
public:
  /// Work that reads and writes these ranges, after all that was added before.
  /// Returns the numbers (0, 1, … in the order they were added) of the work
  /// that it has to wait for, ascending: what wrote what it reads or writes,
  /// and what read what it writes; each only if nobody wrote there since.
  std::vector<int> add(const std::vector<MemoryRange> &reads,
                       const std::vector<MemoryRange> &writes);

private:
  struct Segment {
    uint64_t end;
    int writer = -1;
    std::vector<int> readers; // since it was written
  };
  using Segments = std::map<uint64_t, Segment>; // by their begin, apart

  /// Cuts segments, and makes new ones, so that whole segments cover the range.
  /// The first and the one behind the last of them.
  std::pair<Segments::iterator, Segments::iterator> cover(MemoryRange range);
  void cut(uint64_t at);

  Segments segments;
  int count = 0;
};

} // namespace pgrt
