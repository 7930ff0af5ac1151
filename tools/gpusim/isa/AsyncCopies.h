// What bulk copies of tensors and of plain bytes have in common.
#pragma once

#include "tools/gpusim/isa/MBarriers.h"

namespace gpusim {

/// Where a bulk copy's completion is noted.
struct Completion {
  MBarrier *barrier = nullptr; ///< else: the thread's bulk group
  SharedPlace place{};
  Actor actor; ///< under which its accesses to shared memory are checked
};
Completion completesOn(Warp &warp, int lane, uint64_t barrier, Space space);
Completion completesInGroup(Warp &warp, int lane);

/// A run of bytes of a bulk copy: checked, then the host address.
uint8_t *bulkShared(Warp &warp, int lane, const SharedPlace &place,
                    unsigned bytes, bool write, const Actor &actor);

/// Reductions of bulk copies.
enum class Reduction : uint8_t { None, Add, Min, Max, And, Or, Xor, Inc, Dec };
void reduceInto(Warp &warp, int lane, uint8_t *to, const uint8_t *from,
                uint64_t bytes, Type type, Reduction reduction);

void tensorRule(Build &b, Reduction reduction); // TensorCopy.cpp
void bulkRule(Build &b, bool reduces);          // BulkCopy.cpp

} // namespace gpusim
