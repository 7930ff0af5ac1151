#include "runtime/train/RankUpdate.h"
#include "runtime/collective/ThreadCollective.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/train/Initialise.h"
#include "runtime/train/Trainer.h"
#include "tests/runtime/toy/ToyPlan.h"

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
struct Outcome {
  std::string final, averages, log;
  int64_t steps = 0;
};

// The log without times.
std::string withoutTimes(const std::string &log) {
  std::string text;
  for (const std::string &line : split(log, '\n'))
    text += line.substr(0, line.find("\"tokens_per_s\"")) + "\n";
  return text;
}

/// Trains the toy model on so many ranks; every rank must end with the same.
Outcome train(const toy::ToyOptions &options, int size) {
  std::string folder = toy::testFolder();
  toy::writeShard(folder + "/train_0.bin", toy::makeTokens(5000));
  std::vector<Outcome> outcomes(static_cast<size_t>(size));
  runOnThreads(size, [&](Collective &ranks) {
    std::string own = cat(folder, "/", ranks.rank());
    plan::Plan plan = toy::makePlan(options);
    CpuDevice device(1 + ranks.rank() % 2);
    Executor executor(plan, device);
    initialise(executor, 4);
    WindowOrder data(openShards(folder, "train"), "shuffled", toy::seq,
                     toy::vocab, 4);
    EventLog log(own + ".jsonl");
    Progress progress(true);
    Trainer trainer(executor, ranks, data, chooseBudget(plan.training(), 0, 0),
                    log, progress, 0);
    TrainResult result = trainer.run();
    saveWeights(executor, WeightKind::Parameters, own + ".final");
    saveWeights(executor, WeightKind::Averages, own + ".averages");
    outcomes[size_t(ranks.rank())] = {
        toy::readFile(own + ".final"), toy::readFile(own + ".averages"),
        withoutTimes(toy::readFile(own + ".jsonl")), result.steps};
  });
  for (const Outcome &outcome : outcomes) {
    EXPECT_EQ(outcome.final, outcomes[0].final);
    EXPECT_EQ(outcome.averages, outcomes[0].averages);
    EXPECT_EQ(outcome.log, outcomes[0].log);
    EXPECT_EQ(outcome.steps, outcomes[0].steps);
  }
  return outcomes[0];
}
} // namespace

TEST(RankUpdate, SameBitsOnAnyNumberOfRanks) {
  for (int64_t micros : {1, 3}) {
    toy::ToyOptions options;
    options.parts = 8;
    options.micros = micros;
    Outcome one = train(options, 1);
    EXPECT_EQ(one.steps, options.steps);
    for (int size : {2, 4, 8}) {
      Outcome other = train(options, size);
      EXPECT_EQ(other.final, one.final) << size;
      EXPECT_EQ(other.averages, one.averages) << size;
      EXPECT_EQ(other.log, one.log) << size;
    }
  }
}

TEST(RankUpdate, DivergenceEndsAllRanks) {
  toy::ToyOptions options;
  options.parts = 4;
  options.lr = 1e38;
  options.steps = 100;
  try {
    train(options, 4);
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("diverged"), std::string::npos);
  }
}

} // namespace pgrt
