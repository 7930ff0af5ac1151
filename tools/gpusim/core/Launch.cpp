#include "tools/gpusim/core/Launch.h"

#include "tools/gpusim/core/Warp.h"

namespace gpusim {

static void checkShape(const Kernel &kernel, const LaunchShape &shape,
                       const std::vector<uint8_t> &params) {
  auto refuse = [&](const std::string &what) {
    throw Fault(FaultKind::Launch, std::string(faultName(FaultKind::Launch)) +
                                       ": kernel '" + kernel.name +
                                       "': " + what);
  };
  uint64_t threads = 1;
  for (int i = 0; i < 3; ++i) {
    threads *= shape.block[i];
    if (!shape.grid[i] || !shape.block[i] || !shape.cluster[i] ||
        shape.grid[i] > (i ? 65535u : 0x7fffffffu))
      refuse("a grid, block or cluster dimension out of range");
    if (shape.grid[i] % shape.cluster[i])
      refuse("the grid is not a multiple of the cluster");
    if (kernel.requiredThreads[0] &&
        kernel.requiredThreads[i] != shape.block[i])
      refuse("the block is not what .reqntid says");
    if (kernel.requiredCluster[0] &&
        kernel.requiredCluster[i] != shape.cluster[i])
      refuse("the cluster is not what .reqnctapercluster says");
  }
  if (threads > 1024 || shape.block[2] > 64)
    refuse("a block of " + std::to_string(threads) + " threads");
  if (kernel.maxThreads && threads > kernel.maxThreads)
    refuse("more threads than .maxntid says");
  if (shape.cluster[0] * shape.cluster[1] * shape.cluster[2] > 8)
    refuse("a cluster of more than 8 blocks");
  if (shape.dynamicShared > kernel.maxDynamicShared)
    refuse(std::to_string(shape.dynamicShared) +
           " bytes of dynamic shared memory; its attribute allows " +
           std::to_string(kernel.maxDynamicShared));
  if (kernel.dynamicOffset + shape.dynamicShared > maxSharedBytes)
    refuse("more shared memory than a block can have");
  if (params.size() != kernel.paramTotal)
    refuse("its parameters take " + std::to_string(kernel.paramTotal) +
           " bytes, not " + std::to_string(params.size()));
}

// A wgmma belongs to all four warps of its warpgroup.
static void checkWarpgroups(const Cluster &cluster) {
  for (const auto &cta : cluster.ctas)
    for (size_t i = 0; i < cta->warps.size(); ++i)
      if (cta->warps[i]->wgmmaCount != cta->warps[i / 4 * 4]->wgmmaCount)
        throw Fault(FaultKind::Convergence,
                    std::string(faultName(FaultKind::Convergence)) +
                        ": kernel '" + cluster.kernel.name + "': warp " +
                        std::to_string(i) + " executed " +
                        std::to_string(cta->warps[i]->wgmmaCount) +
                        " wgmma instructions, another of its warpgroup " +
                        std::to_string(cta->warps[i / 4 * 4]->wgmmaCount));
}

void launch(const Kernel &kernel, const LaunchShape &shape,
            const std::vector<uint8_t> &params, Memory &memory,
            const Options &options) {
  checkShape(kernel, shape, params);
  uint64_t executed = 0;
  const uint32_t *step = shape.cooperative ? shape.grid : shape.cluster;
  if (shape.cooperative &&
      shape.cluster[0] * shape.cluster[1] * shape.cluster[2] != 1)
    throw Fault(FaultKind::Unsupported,
                "not supported: a cooperative launch of clusters");
  for (uint32_t z = 0; z < shape.grid[2]; z += step[2])
    for (uint32_t y = 0; y < shape.grid[1]; y += step[1])
      for (uint32_t x = 0; x < shape.grid[0]; x += step[0]) {
        Cluster cluster(kernel, shape, params, memory, options, executed);
        for (uint32_t k = 0; k < step[2]; ++k)
          for (uint32_t j = 0; j < step[1]; ++j)
            for (uint32_t i = 0; i < step[0]; ++i)
              cluster.add({x + i, y + j, z + k});
        cluster.run();
        if (kernel.usesWgmma)
          checkWarpgroups(cluster);
      }
}

} // namespace gpusim
