#include "runtime/eval/Evaluator.h"
#include "runtime/collective/ThreadCollective.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/train/Initialise.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <cmath>
#include <gtest/gtest.h>

namespace pgrt {

namespace {
constexpr size_t V = size_t(toy::vocab);

/// The toy model with drawn weights, and a validation set of 97 tokens.
struct Setting {
  plan::Plan plan;
  CpuDevice device;
  std::unique_ptr<Executor> executor;
  Validation validation;

  explicit Setting(int threads = 2) : plan(makeToy()), device(threads) {
    checkPlan(plan);
    executor = std::make_unique<Executor>(plan, device);
    initialise(*executor, 5);
    executor->run(*findProgram(plan, "prepare"), evaluateScalars(plan, 0, 0));
    std::string folder = toy::testFolder();
    toy::writeTokenizer(folder + "/tokenizer.model");
    validation.bytes =
        std::make_unique<ByteTable>(folder + "/tokenizer.model", toy::vocab);
    for (uint16_t token : toy::makeTokens(97, 9))
      validation.tokens.push_back(token);
  }

  static plan::Plan makeToy() {
    toy::ToyOptions options;
    options.quantizes = true;
    return toy::makePlan(options);
  }

  Score score(int evaluation) {
    SelfCollective self;
    return Evaluator(*executor, self, validation, nullptr).run(evaluation);
  }

  std::vector<float> table() {
    std::vector<float> values(V * V);
    device.read(values.data(), executor->address(plan.parameters(0).slot()),
                int64_t(values.size()) * 4);
    return values;
  }
};

/// The same in double, straight from the formulas.
struct Reference {
  std::vector<double> table, velocity = std::vector<double>(V * V, 0.0);
  const std::vector<int64_t> &tokens;

  Reference(const std::vector<float> &weights,
            const std::vector<int64_t> &tokens)
      : table(weights.begin(), weights.end()), tokens(tokens) {}

  // All biases are equal: they do not matter.
  std::vector<double> probabilities(size_t token) const {
    std::vector<double> p;
    double sum = 0;
    for (size_t j = 0; j < V; ++j) {
      p.push_back(std::exp(table[token * V + j]));
      sum += p.back();
    }
    for (double &value : p)
      value /= sum;
    return p;
  }

  double nll(int64_t position) const {
    return -std::log(probabilities(size_t(
        tokens[size_t(position)]))[size_t(tokens[size_t(position + 1)])]);
  }

  void learn(int64_t begin, int64_t end, double progress) {
    std::vector<double> gradient(V * V, 0.0);
    for (int64_t i = begin; i < end; ++i) {
      size_t token = size_t(tokens[size_t(i)]),
             target = size_t(tokens[size_t(i + 1)]);
      std::vector<double> p = probabilities(token);
      for (size_t j = 0; j < V; ++j)
        gradient[token * V + j] += (p[j] - (j == target)) / double(end - begin);
    }
    for (size_t i = 0; i < table.size(); ++i) {
      velocity[i] = toy::adaptMomentum * velocity[i] + gradient[i];
      table[i] -= toy::adaptLr * (1 - progress) * velocity[i];
    }
  }
};
} // namespace

TEST(Evaluator, ChunkedAndSliding) {
  Setting setting;
  Reference reference(setting.table(), setting.validation.tokens);
  double nll = 0;
  int64_t bytes = 0;
  for (int64_t i = 0; i < 96; ++i) {
    nll += reference.nll(i);
    bytes += setting.validation.bytes->bytes(
        setting.validation.tokens[size_t(i)],
        setting.validation.tokens[size_t(i + 1)]);
  }
  Score chunked = setting.score(1);
  EXPECT_NEAR(chunked.nll, nll, 1e-4);
  EXPECT_EQ(chunked.tokens, 96);
  EXPECT_EQ(chunked.bytes, bytes);
  EXPECT_NEAR(chunked.bitsPerByte(), nll / std::log(2) / double(bytes), 1e-6);
  // The toy sees one token back: windows change nothing, to the last bit.
  Score sliding = setting.score(2);
  EXPECT_EQ(sliding.nll, chunked.nll);
  EXPECT_EQ(sliding.tokens, 96);
}

TEST(Evaluator, LearnsAfterItScored) {
  Setting setting;
  std::vector<float> before = setting.table();
  Reference reference(before, setting.validation.tokens);
  // Chunks of 24 positions, sequences of 6, three an update, two epochs.
  double nll = 0;
  for (int64_t chunk = 0; chunk < 4; ++chunk) {
    for (int64_t i = 24 * chunk; i < 24 * (chunk + 1); ++i)
      nll += reference.nll(i);
    for (int epoch = 0; epoch < 2 && chunk < 3; ++epoch) {
      reference.learn(24 * chunk, 24 * chunk + 18, double(chunk) / 3);
      reference.learn(24 * chunk + 18, 24 * chunk + 24, double(chunk) / 3);
    }
  }
  Score score = setting.score(3), chunked = setting.score(1);
  EXPECT_NEAR(score.nll, nll, 1e-3);
  EXPECT_NE(score.nll, chunked.nll);
  // Weights and states are as they were: again gives the same.
  EXPECT_EQ(setting.table(), before);
  EXPECT_EQ(setting.score(3).nll, score.nll);
  EXPECT_EQ(Setting(1).score(3).nll, score.nll);
}

TEST(Evaluator, SameScoresOnAnyNumberOfRanks) {
  Setting one;
  std::vector<Score> expected;
  for (int evaluation = 0; evaluation < 4; ++evaluation)
    expected.push_back(one.score(evaluation));
  for (int size : {2, 3, 5})
    runOnThreads(size, [&](Collective &ranks) {
      std::unique_ptr<Setting> setting;
      for (int rank = 0; rank < size; ++rank) { // one folder for all: in turn
        if (rank == ranks.rank())
          setting = std::make_unique<Setting>();
        ranks.barrier();
      }
      for (int evaluation = 0; evaluation < 4; ++evaluation) {
        Score score = Evaluator(*setting->executor, ranks, setting->validation,
                                nullptr)
                          .run(evaluation);
        EXPECT_EQ(score.nll, expected[size_t(evaluation)].nll) << size;
        EXPECT_EQ(score.bytes, expected[size_t(evaluation)].bytes);
        EXPECT_EQ(score.tokens, expected[size_t(evaluation)].tokens);
      }
    });
}

TEST(Evaluator, TrimsToWholeSequences) {
  Setting setting;
  setting.validation.tokens.resize(30);
  EXPECT_EQ(setting.score(1).tokens, 24);
  EXPECT_EQ(setting.score(2).tokens, 24);
  setting.validation.tokens.resize(6);
  EXPECT_THROW(setting.score(1), Error);
}

TEST(Evaluator, RefusesWhatBreaksTheRules) {
  Setting setting;
  std::vector<Action> actions =
      evaluationActions(setting.plan.evaluations(2), 96);
  actions.pop_back();
  try {
    SelfCollective self;
    Evaluator(*setting.executor, self, setting.validation, nullptr)
        .run(2, actions);
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("never scored"),
              std::string::npos);
  }
}

TEST(Evaluator, RefusesWeightsThatAreNotFinite) {
  Setting setting;
  float nan = NAN;
  setting.device.write(
      setting.executor->address(setting.plan.parameters(0).slot()), &nan, 4);
  setting.executor->run(*findProgram(setting.plan, "prepare"),
                        evaluateScalars(setting.plan, 0, 0));
  EXPECT_THROW(setting.score(1), Error);
}

} // namespace pgrt
