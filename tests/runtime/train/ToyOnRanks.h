// The toy model trained on ranks that are threads.
#pragma once

#include "runtime/collective/ThreadCollective.h"
#include "runtime/device/Device.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Text.h"
#include "runtime/train/Initialise.h"
#include "runtime/train/Trainer.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <gtest/gtest.h>

namespace pgrt::toy {

struct Outcome {
  std::string final, averages, log;
  int64_t steps = 0;
};

/// By which each gradient is a bucket, whose sums all ranks share.
inline BucketTimes manyBuckets() {
  BucketTimes times;
  times.start = times.bucket = 0;
  times.byte = 1e-3;
  return times;
}

/// What a rank works on.
struct RankSetting {
  std::unique_ptr<Device> device;
  std::unique_ptr<Collective> collective; // null: the threads'
};

// The log without times.
inline std::string withoutTimes(const std::string &log) {
  std::string text;
  for (const std::string &line : split(log, '\n'))
    text += line.substr(0, line.find("\"tokens_per_s\"")) + "\n";
  return text;
}

/// Every rank must end with the same.
inline Outcome trainOnRanks(const ToyOptions &options, int size,
                            const std::function<RankSetting(Collective &)> &set,
                            const BucketTimes &times = {}) {
  std::string folder = testFolder();
  writeShard(folder + "/train_0.bin", makeTokens(5000));
  std::vector<Outcome> outcomes(static_cast<size_t>(size));
  runOnThreads(size, [&](Collective &threads) {
    std::string own = cat(folder, "/", threads.rank());
    plan::Plan plan = makePlan(options);
    RankSetting setting = set(threads);
    Collective &ranks = setting.collective ? *setting.collective : threads;
    Executor executor(plan, *setting.device);
    initialise(executor, 4);
    WindowOrder data(openShards(folder, "train"), "shuffled", seq, vocab, 4);
    EventLog log(own + ".jsonl");
    Progress progress(true);
    Trainer trainer(executor, ranks, data, chooseBudget(plan.training(), 0, 0),
                    log, progress, 0, times);
    TrainResult result = trainer.run();
    saveWeights(executor, WeightKind::Parameters, own + ".final");
    saveWeights(executor, WeightKind::Averages, own + ".averages");
    outcomes[size_t(ranks.rank())] = {
        readFile(own + ".final"), readFile(own + ".averages"),
        withoutTimes(readFile(own + ".jsonl")), result.steps};
  });
  for (const Outcome &outcome : outcomes) {
    EXPECT_EQ(outcome.final, outcomes[0].final);
    EXPECT_EQ(outcome.averages, outcomes[0].averages);
    EXPECT_EQ(outcome.log, outcomes[0].log);
    EXPECT_EQ(outcome.steps, outcomes[0].steps);
  }
  return outcomes[0];
}

/// The same on all these numbers of ranks.
inline void
expectSameOnRanks(const ToyOptions &options, const std::vector<int> &sizes,
                  const std::function<RankSetting(Collective &)> &set,
                  const BucketTimes &times = {}) {
  Outcome one = trainOnRanks(options, 1, set, times);
  EXPECT_EQ(one.steps, options.steps);
  for (int size : sizes) {
    Outcome other = trainOnRanks(options, size, set, times);
    EXPECT_EQ(other.final, one.final) << size;
    EXPECT_EQ(other.averages, one.averages) << size;
    EXPECT_EQ(other.log, one.log) << size;
  }
}

} // namespace pgrt::toy
