// Several GPUs that exchange gradients beside the backward pass.

#include "runtime/collective/NcclCollective.h"
#include "tests/runtime/device/cuda/Simulated.h"
#include "tests/runtime/train/ToyOnRanks.h"

namespace pgrt::cuda::test {

// A bucket for each gradient, of which each GPU adds a piece: the first is
// exchanged while the program still works on the second.
TEST(Ranks, SameBitsInBuckets) {
  if (toy::readFile(TOY_PTX).empty())
    GTEST_SKIP() << "the C compiler has no PTX back end";
  toy::ToyOptions options;
  options.gpu = true;
  options.parts = 4;
  options.micros = 1;
  auto onGpu = [](Collective &threads) {
    auto device = std::make_unique<CudaDevice>(threads.rank(), 1);
    auto nccl = openNccl(threads, *device);
    return toy::RankSetting{std::move(device), std::move(nccl)};
  };
  toy::expectSameOnRanks(options, {2}, onGpu, toy::manyBuckets());
}

} // namespace pgrt::cuda::test
