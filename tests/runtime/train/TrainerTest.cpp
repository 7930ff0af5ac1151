#include "runtime/train/Trainer.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"
#include "runtime/support/Philox.h"
#include "runtime/train/Initialise.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <cmath>
#include <gtest/gtest.h>

namespace pgrt {

namespace {
using toy::seq, toy::vocab;

struct Outcome {
  TrainResult result;
  std::string final, averages, log;
  std::vector<float> table;
};

/// Trains the toy model on a shard in a folder of its own.
Outcome train(const toy::ToyOptions &options, int threads,
              const std::string &order = "sequential", uint64_t seed = 4) {
  std::string folder = toy::testFolder();
  toy::writeShard(folder + "/train_0.bin", toy::makeTokens(5000));
  plan::Plan plan = toy::makePlan(options);
  CpuDevice device(threads);
  Executor executor(plan, device);
  initialise(executor, seed);
  executor.run(*findProgram(plan, "prepare"), evaluateScalars(plan, 0, 0));
  WindowOrder data(openShards(folder, "train"), order, seq, vocab, seed);
  Outcome outcome;
  {
    EventLog log(folder + "/log.jsonl");
    Progress progress(true);
    SelfCollective self;
    Trainer trainer(executor, self, data, chooseBudget(plan.training(), 0, 0),
                    log, progress, 0);
    outcome.result = trainer.run();
  }
  saveWeights(executor, WeightKind::Parameters, folder + "/final.safetensors");
  saveWeights(executor, WeightKind::Averages, folder + "/weights.safetensors");
  outcome.final = toy::readFile(folder + "/final.safetensors");
  outcome.averages = toy::readFile(folder + "/weights.safetensors");
  outcome.log = toy::readFile(folder + "/log.jsonl");
  outcome.table.resize(size_t(vocab * vocab));
  SafetensorsFile file(folder + "/final.safetensors");
  file.read(*file.find("table"), outcome.table.data());
  return outcome;
}

/// The same in double, straight from the formulas.
struct Reference {
  std::vector<double> table, bias, averageTable, averageBias, losses;

  Reference(const toy::ToyOptions &options, uint64_t seed)
      : bias(size_t(vocab), 0.25), averageBias(bias) {
    std::vector<float> drawn(size_t(vocab * vocab));
    PhiloxStream(seed, "table").normals(0, vocab * vocab, 0.1f, drawn.data());
    table.assign(drawn.begin(), drawn.end());
    averageTable = table;
    std::vector<uint16_t> tokens = toy::makeTokens(5000);
    int64_t batch = options.parts * options.micros * toy::rows * seq;
    for (int64_t step = 0; step < options.steps; ++step)
      advance(tokens, step * batch, batch,
              double(step) / double(options.steps) >= options.switchAt
                  ? options.lr / 10
                  : options.lr,
              options.decay);
  }

  void advance(const std::vector<uint16_t> &tokens, int64_t begin,
               int64_t batch, double lr, double decay) {
    std::vector<double> tableGradient(table.size(), 0),
        biasGradient(bias.size(), 0);
    double loss = 0;
    for (int64_t i = 0; i < batch; ++i) {
      size_t token = tokens[size_t(begin + i)],
             target = tokens[size_t(begin + i + 1)];
      std::vector<double> z;
      double sum = 0;
      for (size_t j = 0; j < size_t(vocab); ++j)
        z.push_back(table[token * size_t(vocab) + j] + bias[j]);
      for (double value : z)
        sum += std::exp(value);
      loss += (std::log(sum) - z[target]) / double(batch);
      for (size_t j = 0; j < size_t(vocab); ++j) {
        double dz = (std::exp(z[j]) / sum - (j == target)) / double(batch);
        tableGradient[token * size_t(vocab) + j] += dz;
        biasGradient[j] += dz;
      }
    }
    losses.push_back(loss);
    step(table, tableGradient, averageTable, lr, decay);
    step(bias, biasGradient, averageBias, lr, decay);
  }

  static void step(std::vector<double> &p, const std::vector<double> &g,
                   std::vector<double> &a, double lr, double decay) {
    for (size_t i = 0; i < p.size(); ++i) {
      p[i] -= lr * g[i];
      a[i] = decay * a[i] + (1 - decay) * p[i];
    }
  }
};

std::vector<double> lossesOf(const std::string &log) {
  std::vector<double> losses;
  for (const std::string &line : split(log, '\n')) {
    JsonValue value;
    EXPECT_EQ(parseJson(line, value), "") << line;
    losses.push_back(value.find("loss")->number);
    EXPECT_NEAR(value.find("terms")->find("half")->number, losses.back() / 2,
                1e-6);
  }
  return losses;
}
} // namespace

TEST(Trainer, AgreesWithTheFormulas) {
  for (int64_t parts : {1, 2, 3, 8}) {
    toy::ToyOptions options;
    options.parts = parts;
    Outcome outcome = train(options, 2);
    Reference reference(options, 4);
    EXPECT_EQ(outcome.result.steps, options.steps);
    std::vector<double> losses = lossesOf(outcome.log);
    ASSERT_EQ(losses.size(), reference.losses.size());
    for (size_t i = 0; i < losses.size(); ++i)
      EXPECT_NEAR(losses[i], reference.losses[i], 1e-5)
          << "step " << i << " of " << parts << " parts";
    for (size_t i = 0; i < outcome.table.size(); ++i)
      EXPECT_NEAR(outcome.table[i], reference.table[i], 1e-5);
    EXPECT_LT(losses.back(), losses.front());
  }
}

TEST(Trainer, AveragesAreSaved) {
  toy::ToyOptions options;
  std::string folder = toy::testFolder();
  Outcome outcome = train(options, 1);
  toy::writeFile(folder + "/w", outcome.averages);
  SafetensorsFile file(folder + "/w");
  Reference reference(options, 4);
  std::vector<double> bias(static_cast<size_t>(vocab));
  file.read(*file.find("bias"), bias.data());
  for (size_t i = 0; i < bias.size(); ++i)
    EXPECT_NEAR(bias[i], reference.averageBias[i], 1e-5);
}

TEST(Trainer, SameBitsOnAnyNumberOfThreads) {
  toy::ToyOptions options;
  options.parts = 8;
  Outcome one = train(options, 1, "shuffled");
  for (int threads : {1, 2, 3}) {
    Outcome other = train(options, threads, "shuffled");
    EXPECT_EQ(other.final, one.final) << threads;
    EXPECT_EQ(other.averages, one.averages) << threads;
  }
  EXPECT_NE(train(options, 1, "shuffled", 5).final, one.final);
}

TEST(Trainer, SwitchLatchesAndIsLogged) {
  toy::ToyOptions options;
  options.switchAt = 0.35;
  Outcome outcome = train(options, 1);
  std::vector<std::string> lines = split(outcome.log, '\n');
  ASSERT_EQ(lines.size(), 10u);
  for (size_t i = 0; i < lines.size(); ++i) {
    JsonValue value;
    ASSERT_EQ(parseJson(lines[i], value), "");
    EXPECT_EQ(value.find("phase")->string, i >= 4 ? "late" : "plain");
    EXPECT_EQ(value.find("step")->integer, int64_t(i));
    EXPECT_NEAR(value.find("lr")->number, i >= 4 ? 0.2 : 2.0, 1e-12);
  }
}

TEST(Trainer, StopsWhenInterrupted) {
  setInterrupted(true);
  Outcome outcome = train({}, 1);
  setInterrupted(false);
  EXPECT_TRUE(outcome.result.stopped);
  EXPECT_EQ(outcome.result.steps, 0);
}

TEST(Trainer, DivergenceIsAnError) {
  toy::ToyOptions options;
  options.lr = 1e38;
  options.steps = 100;
  EXPECT_THROW(train(options, 1), Error);
}

TEST(Trainer, WeightsMoveBothWays) {
  std::string folder = toy::testFolder();
  plan::Plan plan = toy::makePlan();
  CpuDevice device(2);
  Executor executor(plan, device);
  initialise(executor, 9);
  saveWeights(executor, WeightKind::Parameters, folder + "/a.safetensors");
  initialise(executor, 10);
  loadWeights(executor, SafetensorsFile(folder + "/a.safetensors"));
  startAverages(executor);
  saveWeights(executor, WeightKind::Averages, folder + "/b.safetensors");
  EXPECT_EQ(toy::readFile(folder + "/a.safetensors"),
            toy::readFile(folder + "/b.safetensors"));

  auto messageFor = [&](std::vector<TensorSource> tensors) -> std::string {
    writeSafetensors(folder + "/c.safetensors", tensors);
    try {
      loadWeights(executor, SafetensorsFile(folder + "/c.safetensors"));
      return "";
    } catch (const Error &error) {
      return error.what();
    }
  };
  std::vector<float> zeros(size_t(vocab * vocab), 0);
  EXPECT_EQ(messageFor({{{"table", "F32", {vocab, vocab}}, zeros.data()},
                        {{"bias", "F32", {vocab}}, zeros.data()}}),
            "");
  EXPECT_NE(messageFor({{{"tabel", "F32", {vocab, vocab}}, zeros.data()},
                        {{"bias", "F32", {vocab}}, zeros.data()}})
                .find("did you mean 'tabel'"),
            std::string::npos);
  EXPECT_NE(messageFor({{{"table", "F32", {vocab}}, zeros.data()},
                        {{"bias", "F32", {vocab}}, zeros.data()}})
                .find("shape [13], the plan's has [13, 13]"),
            std::string::npos);
  EXPECT_NE(messageFor({{{"table", "F32", {vocab, vocab}}, zeros.data()},
                        {{"bias", "F32", {vocab}}, zeros.data()},
                        {{"more", "F32", {1}}, zeros.data()}})
                .find("does not know"),
            std::string::npos);
}

TEST(Budget, Choices) {
  plan::Training training;
  EXPECT_THROW(chooseBudget(training, 0, 0), Error);
  training.set_seconds(60);
  training.set_reserve(2);
  EXPECT_EQ(chooseBudget(training, 0, 0).seconds, 58);
  EXPECT_EQ(chooseBudget(training, 0, 10).seconds, 8);
  EXPECT_THROW(chooseBudget(training, 0, 2), Error);
  Budget steps = chooseBudget(training, 10, 0);
  EXPECT_EQ(steps.steps, 10);
  EXPECT_EQ(steps.seconds, 0);
  EXPECT_EQ(steps.progress(3, 1e9), 0.3);
  EXPECT_FALSE(steps.finished(9, 1e9));
  EXPECT_TRUE(steps.finished(10, 0));
  training.set_steps(7);
  EXPECT_EQ(chooseBudget(training, 0, 0).steps, 7);
  EXPECT_EQ(chooseBudget(training, 0, 30).steps, 0);
  EXPECT_EQ(chooseBudget(training, 0, 30).progress(5, 14), 0.5);
}

} // namespace pgrt
