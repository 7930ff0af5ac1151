// The whole chain, on devices whose memory the host cannot see and on devices
// that record programs: the same bits as on the CPU.

#include "runtime/artifact/Build.h"
#include "runtime/data/WindowOrder.h"
#include "runtime/eval/Evaluator.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/quant/Capture.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/train/Initialise.h"
#include "runtime/train/Trainer.h"
#include "runtime/verify/Verifier.h"
#include "tests/runtime/executor/BlindDevice.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <gtest/gtest.h>

namespace pgrt {

namespace {
struct Outcome {
  std::string averages, artifact, log;
  std::vector<double> scores;
  std::vector<std::string> checks; // that passed
};

Outcome runChain(Device &device) {
  const uint64_t seed = 4;
  std::string folder = toy::testFolder();
  toy::writeShard(folder + "/train_0.bin", toy::makeTokens(5000));
  toy::writeTokenizer(folder + "/tokenizer.model");
  toy::writeShard(folder + "/val_0.bin", toy::makeTokens(100, 9));
  toy::ToyOptions options;
  options.quantizes = true;
  options.parts = 4;
  plan::Plan plan = toy::makePlan(options);
  checkPlan(plan);
  Executor executor(plan, device);
  Outcome outcome;
  EventLog log(folder + "/log.jsonl");
  Progress progress(true);
  auto prepare = [&] {
    executor.run(*findProgram(plan, "prepare"), evaluateScalars(plan, 0, 0));
  };

  initialise(executor, seed);
  prepare();
  WindowOrder data(openShards(folder, "train"), "shuffled", toy::seq,
                   toy::vocab, seed);
  SelfCollective self;
  Trainer(executor, self, data, chooseBudget(plan.training(), 0, 0), log,
          progress, 0)
      .run();
  saveWeights(executor, WeightKind::Averages, folder + "/weights.safetensors");
  outcome.averages = toy::readFile(folder + "/weights.safetensors");
  useAverages(executor);
  prepare();
  std::set<int> kept;
  for (int i = 0; i < plan.arenas_size(); ++i)
    if (keepsContents(plan, i))
      kept.insert(i);
  executor.releaseAllBut(kept);

  std::string missing;
  auto validation =
      openValidation(toy::vocab, {folder, "", 0, /*trains=*/true}, missing);
  captureHessians(executor, self, data, nullptr);
  ArtifactBuilder builder(executor, log, progress, "a test", data.dataHash());
  builder.build();
  builder.decode();
  for (int i = 0; i < plan.evaluations_size(); ++i)
    outcome.scores.push_back(
        Evaluator(executor, self, *validation, nullptr).run(i).nll);
  outcome.artifact = frameArtifact(builder.artifact());
  writeFileAtomically(folder + "/artifact.pgz", outcome.artifact);
  auto loaded = loadArtifact(folder + "/artifact.pgz");
  decodeArtifact(executor, loaded->artifact, loaded->table);
  Verifier verifier(
      executor, *validation, *loaded,
      [&](const std::string &line) { outcome.checks.push_back(line); });
  verifier.oneScoreEach();
  verifier.causality();
  verifier.normalisation();
  return outcome;
}

const Outcome &onTheCpu() {
  static const Outcome outcome = [] {
    CpuDevice device(2);
    return runChain(device);
  }();
  return outcome;
}

void expectSame(const Outcome &outcome) {
  EXPECT_EQ(outcome.averages, onTheCpu().averages);
  EXPECT_EQ(outcome.artifact, onTheCpu().artifact);
  EXPECT_EQ(outcome.scores, onTheCpu().scores);
  EXPECT_EQ(outcome.checks, onTheCpu().checks);
  EXPECT_FALSE(outcome.checks.empty());
}
} // namespace

TEST(DeviceChain, NeedsNoViewOfTheDevicesMemory) {
  toy::BlindDevice device(2, /*recording=*/false);
  expectSame(runChain(device));
  EXPECT_EQ(device.recorded, 0);
}

// A recording for each program and binding: two phases of train over the
// instances of the gradients, and so on; not one for each step.
TEST(DeviceChain, RunsRecordingsWithTheScalarsOfEachRun) {
  toy::BlindDevice device(2, /*recording=*/true);
  expectSame(runChain(device));
  EXPECT_GT(device.recorded, 10);
  EXPECT_LT(device.recorded, 40);
  EXPECT_GT(device.replayed, 200);
}

} // namespace pgrt
