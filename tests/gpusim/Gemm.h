// Matrix products in hand-written PTX.
#pragma once

#include "tests/gpusim/Harness.h"
#include "tools/gpusim/core/TensorMap.h"
#include "tools/gpusim/numeric/Round.h"

namespace gpusim::test {

/// A tensor map as a kernel's parameter.
struct alignas(64) MapParameter {
  uint8_t bytes[128] = {};
};
/// Of a row-major matrix of bf16 with boxes of rows × columns.
MapParameter matrixMap(uint64_t address, uint64_t rows, uint64_t columns,
                       uint32_t boxRows, uint32_t boxColumns, int swizzle);

/// "{%f0, %f1, …}"
std::string registerList(const std::string &name, int count);

/// Small values that bf16 holds exactly.
std::vector<uint16_t> randomBF16(size_t count, unsigned seed);

/// c[m][n] = Σ a[m][k] · b[n][k]
std::vector<float> product(const std::vector<uint16_t> &a,
                           const std::vector<uint16_t> &b, int m, int n, int k);

/// 64 × 64 × 64 by one warpgroup: two tiles by TMA, four wgmma of k = 16. The
/// pieces can be replaced to plant faults.
struct WgmmaText {
  std::string initFence = "fence.mbarrier_init.release.cluster;\n"
                          "fence.proxy.async.shared::cta;\n";
  std::string initBarrier = "bar.sync 0;\n";
  std::string wait = "WAIT:\n"
                     "mbarrier.try_wait.parity.shared.b64 %p2, [bar], 0;\n"
                     "@%p2 bra READY;\nbra WAIT;\nREADY:\n";
  std::string bytes = "16384";
  std::string fence = "wgmma.fence.sync.aligned;\n";
  std::string finish = "wgmma.wait_group.sync.aligned 0;\n";
  std::string afterIssue;
  bool transposedB = false; ///< b lies as [k][n]
  bool registersA = false;  ///< a comes through registers
  uint64_t descriptorTop =
      0x4000004000010000; ///< 128-byte swizzle, stride 1024
  std::string text() const;
};

} // namespace gpusim::test
