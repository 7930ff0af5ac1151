// What a command reads and writes.
#pragma once

#include "runtime/plan/plan.pb.h"

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace pgrt {

/// Bytes [begin, begin + bytes) of an arena.
struct Extent {
  int arena;
  int64_t begin, bytes;
  int64_t end() const { return begin + bytes; }
};

struct Accesses {
  std::vector<Extent> reads, writes;
};

/// A kernel may add to a result that outlives programs (Kernel.results);
/// temporaries it only writes.
Accesses accessesOf(const plan::Plan &plan, const plan::Command &command);

/// A number for each byte of all arenas, `everywhere` at the start.
class ExtentMap {
public:
  static constexpr int everywhere = -1;

  void set(const Extent &extent, int value);

  /// Calls visit(piece, value) for what lies in `extent` and is not
  /// `everywhere`, from its begin to its end; neighbours of one value together.
  void visit(const Extent &extent,
             const std::function<void(const Extent &, int)> &visit) const;

  /// All pieces that are not `everywhere`.
  void visitAll(const std::function<void(const Extent &, int)> &visit) const;

private:
  struct Piece {
    int64_t end;
    int value;
  };
  std::map<int, std::map<int64_t, Piece>> arenas; // by begin; disjoint
};

} // namespace pgrt
