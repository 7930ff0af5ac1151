#include "runtime/train/RankUpdate.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/support/Error.h"
#include "tests/runtime/train/ToyOnRanks.h"

#include <gtest/gtest.h>

namespace pgrt {

TEST(RankUpdate, WhoCanShareAStep) {
  for (int ranks : {1, 2, 4, 8})
    EXPECT_NO_THROW(checkRanks(8, ranks)) << ranks;
  for (int ranks : {3, 5, 6, 7, 9, 16})
    EXPECT_THROW(checkRanks(8, ranks), Error) << ranks;
  // Two blocks of three parts are no subtrees: ((0+1)+2) is not one of 6.
  EXPECT_NO_THROW(checkRanks(6, 1));
  try {
    checkRanks(6, 2);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.code, ExitCode::Usage);
    EXPECT_STREQ(error.what(),
                 "2 ranks cannot share a step of 6 parts and keep the order of "
                 "its sums: possible are 1");
  }
  EXPECT_THROW(checkRanks(1, 2), Error);
}

namespace {
toy::RankSetting onProcessor(Collective &ranks) {
  return {std::make_unique<CpuDevice>(1 + ranks.rank() % 2), nullptr};
}

/// Says that it works beside its programs, though it does not.
class BesideDevice final : public CpuDevice {
public:
  using CpuDevice::CpuDevice;
  bool runsBeside() const override { return true; }
};
} // namespace

TEST(RankUpdate, SameBitsOnAnyNumberOfRanks) {
  for (int64_t micros : {1, 3}) {
    toy::ToyOptions options;
    options.parts = 8;
    options.micros = micros;
    toy::expectSameOnRanks(options, {2, 4, 8}, onProcessor);
  }
}

// A bucket for each gradient, which all ranks add a piece of.
TEST(RankUpdate, SameBitsInBuckets) {
  toy::ToyOptions options;
  options.parts = 4;
  toy::expectSameOnRanks(
      options, {2, 4},
      [](Collective &) {
        return toy::RankSetting{std::make_unique<BesideDevice>(1), nullptr};
      },
      toy::manyBuckets());
}

TEST(RankUpdate, DivergenceEndsAllRanks) {
  toy::ToyOptions options;
  options.parts = 4;
  options.lr = 1e38;
  options.steps = 100;
  try {
    toy::trainOnRanks(options, 4, onProcessor);
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("diverged"), std::string::npos);
  }
}

} // namespace pgrt
