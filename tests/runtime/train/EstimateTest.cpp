#include "runtime/plan/PlanCheck.h"
#include "runtime/train/Estimate.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <gtest/gtest.h>

namespace pgrt {

static bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

TEST(Estimate, Memory) {
  plan::Plan plan = toy::makePlan();
  std::string table = memoryTable(plan, 3);
  EXPECT_TRUE(contains(table, "2 × ")) << table; // gradients
  EXPECT_FALSE(contains(table, "gradients.other")) << table;
  EXPECT_TRUE(contains(table, "touched, in train ")) << table;
  toy::ToyOptions options;
  options.quantizes = true;
  table = memoryTable(toy::makePlan(options), 1);
  auto line = [&](const std::string &name) {
    size_t at = table.find("\n  " + name + " ");
    return table.substr(at, table.find('\n', at + 1) - at);
  };
  EXPECT_TRUE(contains(line("averages"), " train")) << table;
  EXPECT_FALSE(contains(line("averages"), "evaluate")) << table;
  EXPECT_TRUE(contains(line("hessians"), " quantize")) << table;
  EXPECT_TRUE(contains(line("velocity"), " evaluate")) << table;
  // The update walks over the whole arena, other stages touch what the network
  // reads.
  EXPECT_TRUE(contains(line("parameters"),
                       "train 1.35 kB, quantize 728 B, evaluate 728 B"))
      << table;
  EXPECT_TRUE(contains(line("packed"), "train, quantize, evaluate")) << table;
  EXPECT_EQ(arenaBytes(plan), 1380 * 4 + 64 + 676 + 4096 + 256);
  EXPECT_EQ(parameterLine(plan), "182 parameters");
}

TEST(Estimate, Flops) {
  plan::Plan plan = toy::makePlan();
  EXPECT_EQ(programFlops(plan, plan.programs(0)), 4000); // four kernels
  EXPECT_EQ(stepFlops(plan, plan.programs(0)),
            16000); // two parts of two micro-batches
  plan.mutable_programs(0)->set_model_flops(10);
  EXPECT_EQ(stepFlops(plan, plan.programs(0)), 40);
}

TEST(Estimate, LongStepsComeWithAdvice) {
  plan::Training training;
  training.set_batch_tokens(786'432);
  training.set_parts(8);
  training.set_seq(2048);
  Budget clock{0, 588}, steps{10, 0};
  std::string text = trainingEstimate(training, clock, 900, "guessed", true);
  EXPECT_TRUE(
      contains(text, "786,432 tokens takes about 15 min 00 s (guessed)"))
      << text;
  EXPECT_TRUE(contains(text, "holds one step")) << text;
  EXPECT_TRUE(contains(text, "-D batch_tokens=16384")) << text;
  EXPECT_TRUE(contains(text, "--steps 10")) << text;
  EXPECT_FALSE(contains(
      trainingEstimate(training, clock, 900, "guessed", false), "instead"));
  EXPECT_FALSE(contains(trainingEstimate(training, clock, 0.5, "guessed", true),
                        "instead"));
  EXPECT_TRUE(contains(trainingEstimate(training, steps, 0.5, "guessed", true),
                       "10 steps: 5.0 s"));
  training.set_batch_tokens(8 * 2048); // nothing is left to make shorter
  text = trainingEstimate(training, steps, 60, "guessed", true);
  EXPECT_FALSE(contains(text, "instead")) << text;
}

} // namespace pgrt
