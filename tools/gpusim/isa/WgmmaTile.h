// Tiles in shared memory as a wgmma descriptor says.
#pragma once

#include "tools/gpusim/isa/Values.h"

namespace gpusim {

struct WgmmaTile {
  uint64_t start;        ///< shared address
  uint64_t lead, stride; ///< bytes: the leading and the stride dimension's
  unsigned swizzle;      ///< 0 none, 1, 2, 3: 32, 64, 128 bytes
};

/// Refuses what the descriptor's other bits say, and a start inside a pattern.
WgmmaTile readDescriptor(Warp &warp, int lane, uint64_t bits);

/// Rows (of A, or columns of B) first … first + count − 1 and all k of the
/// tile, as tile[k][count]; `transposed`: k is not the contiguous direction.
void gatherShared(Warp &warp, int lane, const WgmmaTile &tile, bool transposed,
                  int first, int count, int depth, Type type,
                  const Actor &actor, float *values);

} // namespace gpusim
