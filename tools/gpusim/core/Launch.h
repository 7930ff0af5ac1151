// Running a kernel over its grid.
#pragma once

#include "tools/gpusim/core/Memory.h"
#include "tools/gpusim/core/Program.h"

namespace gpusim {

struct Options {
  bool races = true;         ///< between threads, and between proxies
  bool uninitialised = true; ///< reads of bytes that nobody wrote
  /// Instructions of a warp before a launch is given up.
  uint64_t maxInstructions = uint64_t(1) << 36;
};

struct LaunchShape {
  uint32_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1}, cluster[3] = {1, 1, 1};
  uint32_t dynamicShared = 0;
  int device = 0;
  bool cooperative = false; ///< all blocks take turns
};

/// `params`: kernel.paramTotal bytes, laid out as kernel.paramOffsets says.
/// Throws the first Fault.
void launch(const Kernel &kernel, const LaunchShape &shape,
            const std::vector<uint8_t> &params, Memory &memory,
            const Options &options = Options());

/// Shared memory that a block can have on sm_90, static and dynamic together.
constexpr uint32_t maxSharedBytes = 227 * 1024;

} // namespace gpusim
