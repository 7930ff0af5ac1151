#include "runtime/train/SharedSum.h"
#include "runtime/collective/ThreadCollective.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/plan/PlanCheck.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <atomic>
#include <gtest/gtest.h>

namespace pgrt {

namespace {
// Numbers whose sum depends on the order in which they are added.
float numberOf(int64_t sequence, size_t element) {
  return 1 / (1 + float((sequence * 37 + int64_t(element) * 11) % 101));
}

/// The gradient of the toy's table over so many sequences, which all ranks must
/// have, and how many sequences all ranks together computed.
struct Sum {
  std::vector<float> values;
  int64_t computed;
};
Sum sumOnRanks(int size, int64_t sequences) {
  std::vector<std::vector<float>> results(static_cast<size_t>(size));
  std::atomic<int64_t> computed = 0;
  runOnThreads(size, [&](Collective &ranks) {
    plan::Plan plan = toy::makePlan();
    CpuDevice device(1);
    Executor executor(plan, device);
    const plan::Slot &slot = plan.parameters(0).gradient();
    std::vector<float> &mine = results[size_t(ranks.rank())];
    mine.resize(size_t(toy::vocab * toy::vocab));
    const auto bytes = int64_t(mine.size() * sizeof(float));
    std::unique_ptr<SharedSum> sum = SharedSum::ofGradients(executor, ranks);
    for (int repeat = 0; repeat < 2; ++repeat) {
      sum->compute(sequences, [&](int64_t sequence) {
        ++computed;
        device.read(mine.data(), executor.address(slot), bytes);
        for (size_t i = 0; i < mine.size(); ++i)
          mine[i] += numberOf(sequence, i);
        device.write(executor.address(slot), mine.data(), bytes);
      });
      sum->share();
    }
    device.read(mine.data(), executor.address(slot), bytes);
  });
  for (const std::vector<float> &result : results)
    EXPECT_EQ(result, results[0]);
  return {results[0], computed / 2};
}

// ((0 + 1) + (2 + 3)) + …, of groups.
float sumOfGroups(int64_t begin, int64_t end, int64_t groups, int64_t sequences,
                  size_t element) {
  if (end - begin > 1) {
    int64_t middle = (begin + end) / 2;
    return sumOfGroups(begin, middle, groups, sequences, element) +
           sumOfGroups(middle, end, groups, sequences, element);
  }
  float sum = 0;
  for (int64_t i = sequences * begin / groups;
       i < sequences * (begin + 1) / groups; ++i)
    sum += numberOf(i, element);
  return sum;
}
} // namespace

TEST(SharedSum, IsTheTreeOfItsGroups) {
  for (auto [sequences, groups] :
       {std::pair(1, 1), {2, 2}, {3, 2}, {7, 4}, {8, 8}, {13, 8}, {32, 8}}) {
    Sum sum = sumOnRanks(1, sequences);
    EXPECT_EQ(sum.computed, sequences);
    for (size_t i = 0; i < sum.values.size(); ++i)
      ASSERT_EQ(sum.values[i], sumOfGroups(0, groups, groups, sequences, i))
          << sequences << " sequences, element " << i;
  }
}

TEST(SharedSum, SameBitsOnAnyNumberOfRanks) {
  for (int64_t sequences : {1, 2, 3, 5, 8, 11, 32}) {
    std::vector<float> one = sumOnRanks(1, sequences).values;
    for (int size : {2, 3, 4, 7, 8, 9}) {
      Sum sum = sumOnRanks(size, sequences);
      EXPECT_EQ(sum.values, one) << sequences << " on " << size;
      // Each is computed once, but for a single one, which nobody waits for.
      EXPECT_EQ(sum.computed, sequences == 1 ? size : sequences);
    }
  }
}

} // namespace pgrt
