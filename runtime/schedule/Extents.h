// Which bytes of which arenas programs touch.
#pragma once

#include "runtime/plan/plan.pb.h"

#include <cstdint>
#include <map>
#include <set>

namespace pgrt {

/// The arenas that a program's commands and ports lie in.
std::set<int> arenasTouched(const plan::Plan &plan,
                            const plan::Program &program);

/// The union of places in arenas, as bytes of each.
class Extents {
public:
  void add(const plan::Plan &plan, const plan::Program &program);
  /// Bytes of the arena that are touched, each counted once.
  int64_t bytes(int arena) const;

private:
  // Of each arena, disjoint: where each range begins → where it ends.
  std::map<int, std::map<int64_t, int64_t>> ranges;
};

} // namespace pgrt
