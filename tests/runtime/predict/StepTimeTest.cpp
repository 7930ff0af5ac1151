// Programs and steps of plans made by hand, on a machine of round numbers.
#include "runtime/predict/StepTime.h"
#include "runtime/predict/TimeReport.h"
#include "runtime/support/Error.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace pgrt;

namespace {

Machine roundMachine() {
  Machine m;
  m.name = "a machine";
  m.gpus = 8;
  m.multiprocessors = 4;
  m.residentThreads = 1000;
  m.libraryProduct = {1000, 0};
  m.tiledProduct = {400, 0};
  m.vector = 20;
  m.memory = 100;
  m.bytesInFlight = 1000;
  m.memoryLatency = 1;
  m.gap = 1;
  m.ramp = 1;
  m.collectiveLatency = 5;
  m.sendReceive = 20;
  m.hostLink = 2;
  m.hostLatency = 3;
  m.reference = 100;
  m.goal = 1.5;
  return m;
}

/// Four parts of two micro-batches of a sequence of 10 tokens; gradients of
/// 800 bytes.
class StepTimeTest : public testing::Test {
protected:
  StepTimeTest() {
    plan::Training *training = plan.mutable_training();
    training->set_seq(10);
    training->set_batch_tokens(80);
    training->set_parts(4);
    training->set_micro_batch(1);
    addArena("gradients", 800, 3);
    addArena("gradients.other", 800, 1)->set_alias_of("gradients");
    addArena("activations", 5000, 0);
    plan.add_parameters()->mutable_gradient()->set_arena(0);

    plan::Kernel *rows = addKernel("rows_0", "rows", 0, 1000); // 2 + 10 s
    rows->mutable_gpu()->set_grid_x(4);
    rows->mutable_gpu()->set_grid_y(1);
    rows->mutable_gpu()->set_grid_z(1);
    rows->mutable_gpu()->set_threads(1000);
    plan::LibraryProduct *product =
        addKernel("product_0", "product", 8192e3, 100)->mutable_library();
    product->set_a_type(plan::BF16); // 16 tiles: 2 + 8192 s
    product->set_m(512);
    product->set_n(512);
    product->set_k(16);
    product->set_batch(1);

    plan::Program *train = addProgram("train.plain", "train");
    train->add_phases("plain");
    train->set_model_flops(5000);
    plan::Port *tokens = train->add_inputs();
    tokens->set_name("tokens");
    tokens->set_bytes(80);
    train->add_outputs()->set_name("loss");
    launch(train, 0);
    launch(train, 1);
    launch(train, 0);
    train->add_commands()->mutable_copy()->set_bytes(100); // 2 + 2 s
    train->add_commands()->mutable_fill()->set_bytes(500); // 2 + 5 s
    launch(addProgram("combine", "combine"), 0);
    plan::Program *update = addProgram("update.plain", "update");
    update->add_phases("plain");
    launch(update, 0);
  }

  plan::Arena *addArena(const char *name, int64_t bytes, int64_t instances) {
    plan::Arena *arena = plan.add_arenas();
    arena->set_name(name);
    arena->set_bytes(bytes);
    arena->set_instances(instances);
    return arena;
  }

  plan::Kernel *addKernel(const char *symbol, const char *kind, double flops,
                          double bytes) {
    plan::Kernel *kernel = plan.add_kernels();
    kernel->set_symbol(symbol);
    kernel->set_kind(kind);
    kernel->set_flops(flops);
    kernel->set_bytes(bytes);
    return kernel;
  }

  plan::Program *addProgram(const char *name, const char *role) {
    plan::Program *program = plan.add_programs();
    program->set_name(name);
    program->set_role(role);
    return program;
  }

  static void launch(plan::Program *program, uint32_t kernel) {
    program->add_commands()->mutable_launch()->set_kernel(kernel);
  }

  const StepPart &part(const StepTime &step, const std::string &name) {
    for (const StepPart &one : step.parts)
      if (one.name == name)
        return one;
    throw std::runtime_error("the step has no part " + name);
  }

  plan::Plan plan;
  Machine machine = roundMachine();
};

TEST_F(StepTimeTest, ProgramsAddUpTheirNodes) {
  PlanTime times = predictPlan(plan, machine, 4);
  const ProgramTime &train = times.programs[0];
  EXPECT_EQ(train.total.launches, 5);
  EXPECT_DOUBLE_EQ(train.total.flops, 8192e3);
  EXPECT_DOUBLE_EQ(train.total.bytes, 1000 + 100 + 1000 + 200 + 500);
  EXPECT_DOUBLE_EQ(train.total.seconds, 12 + 8194 + 12 + 4 + 7);
  EXPECT_EQ(train.total.bound(), Bound::TensorCores);
  EXPECT_EQ(train.kinds.at("rows").launches, 2);
  EXPECT_DOUBLE_EQ(train.kinds.at("rows").seconds, 24);
  EXPECT_DOUBLE_EQ(train.kinds.at("library").seconds, 8194);
  EXPECT_DOUBLE_EQ(train.kinds.at("fill").seconds, 7);
  EXPECT_DOUBLE_EQ(train.kernels.at(0).seconds, 24);
  EXPECT_EQ(times.memoryBytes, 3 * 800 + 5000);
}

TEST_F(StepTimeTest, AStepOnOneGpuDoesAllParts) {
  PlanTime times = predictPlan(plan, machine, 1);
  ASSERT_EQ(times.steps.size(), 1u);
  const StepTime &step = times.steps[0];
  EXPECT_EQ(step.phase, "plain");
  EXPECT_DOUBLE_EQ(part(step, "train.plain").runs, 8);
  EXPECT_EQ(part(step, "train.plain").launches, 40);
  EXPECT_DOUBLE_EQ(part(step, "train.plain").seconds, 8 * 8229);
  // Of each run 80 bytes at 2 a second, and two copies of 3 seconds.
  EXPECT_DOUBLE_EQ(part(step, "inputs and losses").seconds, 8 * (40 + 6));
  EXPECT_DOUBLE_EQ(part(step, "clear gradients").seconds, 4 * (2 + 8));
  EXPECT_DOUBLE_EQ(part(step, "combine").runs, 3);
  EXPECT_DOUBLE_EQ(part(step, "combine").seconds, 36);
  EXPECT_DOUBLE_EQ(part(step, "update.plain").seconds, 12);
  EXPECT_DOUBLE_EQ(step.total.nvlink, 0);
  EXPECT_DOUBLE_EQ(step.total.seconds, 8 * 8229 + 8 * 46 + 40 + 36 + 12);
  EXPECT_EQ(step.total.launches, 40 + 4 + 3 + 1);
  EXPECT_DOUBLE_EQ(step.modelFlops, 8 * 5000);
  EXPECT_DOUBLE_EQ(step.floorSeconds, 400);
}

TEST_F(StepTimeTest, RanksShareThePartsAndTheUpdate) {
  // Two parameters of 400 bytes, each with an update of its own that reads the
  // gradient and writes the parameter.
  plan.clear_parameters();
  addArena("parameters", 800, 1);
  const auto parameters = uint32_t(plan.arenas_size() - 1);
  plan::Kernel *rule = addKernel("rule", "rows", 0, 800); // 2 + 8 s
  rule->mutable_gpu()->CopyFrom(plan.kernels(0).gpu());
  rule->add_buffer_bytes(400);
  rule->add_buffer_bytes(400);
  rule->set_results(1);
  const auto kernel = uint32_t(plan.kernels_size() - 1);
  plan::Program &train = *plan.mutable_programs(0);
  train.mutable_commands(3)->mutable_copy()->mutable_to()->set_arena(2);
  train.mutable_commands(3)->mutable_copy()->mutable_from()->set_arena(2);
  train.mutable_commands(4)->mutable_fill()->mutable_to()->set_arena(2);
  plan::Program &update = *plan.mutable_programs(2);
  plan::Program &prepare = *addProgram("prepare", "prepare");
  update.clear_commands();
  for (int64_t offset : {0, 400}) {
    plan::Parameter *parameter = plan.add_parameters();
    parameter->set_type(plan::F32);
    parameter->add_shape(100);
    parameter->mutable_slot()->set_arena(parameters);
    parameter->mutable_slot()->set_offset(offset);
    parameter->mutable_gradient()->set_arena(0);
    parameter->mutable_gradient()->set_offset(offset);
    plan::Launch *one = update.add_commands()->mutable_launch();
    one->set_kernel(kernel);
    *one->add_buffers() = parameter->gradient();
    *one->add_buffers() = parameter->slot();
    plan::Copy *read = prepare.add_commands()->mutable_copy();
    *read->mutable_from() = parameter->slot();
    read->mutable_to()->set_arena(2);
    read->mutable_to()->set_offset(offset);
    read->set_bytes(400);
  }

  PlanTime times = predictPlan(plan, machine, 2);
  const StepTime &step = times.steps[0];
  EXPECT_DOUBLE_EQ(part(step, "train.plain").runs, 4);
  // Each rank owns one: it sends the other's gradient and gets its own. Before,
  // its two parts are added. The program touches neither: both are one bucket,
  // whose signal its first command gives, and all hides behind the rest.
  const StepPart &exchange = part(step, "gradients, beside the last run");
  EXPECT_DOUBLE_EQ(exchange.nvlink, 400);
  EXPECT_EQ(exchange.launches, 4 + 3); // signals; sum, exchange, sum
  EXPECT_DOUBLE_EQ(step.exchange.seconds, (2 + 24) + (5 + 20) + (2 + 12));
  EXPECT_EQ(step.exchange.buckets, std::vector<double>{800});
  // The product loses what the sums and the exchange take of the GPU: all of
  // it, and 800 of the 2500 bytes that memory moves meanwhile.
  EXPECT_NEAR(step.exchange.exposed, 2 + (24 + 23 * 0.32 + 12), 1e-9);
  EXPECT_NEAR(exchange.seconds, step.exchange.exposed + 3 * 2, 1e-9);
  EXPECT_EQ(part(step, "update.plain, a share").launches, 1);
  EXPECT_DOUBLE_EQ(part(step, "update.plain, a share").seconds, 10);
  EXPECT_DOUBLE_EQ(part(step, "gathers of the update").nvlink, 400);
  EXPECT_DOUBLE_EQ(part(step, "gathers of the update").seconds, 5 + 20);
  EXPECT_EQ(step.kernels.at(int(kernel)).launches, 1);
  EXPECT_EQ(times.memoryBytes, 3 * 800 + 5000 + 800 + 400);

  EXPECT_EQ(
      part(predictPlan(plan, machine, 1).steps[0], "update.plain").launches, 2);
}

// What comes after the program's last command hides behind nothing.
TEST_F(StepTimeTest, GradientsOfTheLastCommandDoNotHide) {
  plan::Parameter *parameter = plan.mutable_parameters(0);
  parameter->set_type(plan::F32);
  parameter->add_shape(200);
  plan::Fill *last = plan.mutable_programs(0)->add_commands()->mutable_fill();
  last->mutable_to()->set_arena(0);
  last->set_bytes(800); // 2 + 8 s
  PlanTime times = predictPlan(plan, machine, 4);
  const StepTime &step = times.steps[0];
  // An owner of all: it gets 2400 bytes of the others and adds them.
  EXPECT_DOUBLE_EQ(step.exchange.seconds, (5 + 120) + (2 + 40));
  // The signal is a node.
  EXPECT_DOUBLE_EQ(step.exchange.exposed, step.exchange.seconds + 2);
  EXPECT_DOUBLE_EQ(part(step, "gradients, beside the last run").seconds,
                   step.exchange.exposed + 2);
  EXPECT_EQ(times.memoryBytes, 3 * 800 + 5000 + 3 * 800);
}

// The product alone: 8192 kFLOP at 1000 a second, in each of 8 runs; the plan's
// takes gap and ramp besides. Row-wise kernels are no part of it.
TEST_F(StepTimeTest, LimitsCountTensorCoresAlone) {
  PlanTime times = predictPlan(plan, machine, 1);
  const StepTime &step = times.steps[0];
  EXPECT_DOUBLE_EQ(step.limits.planned, 8 * 8194);
  EXPECT_DOUBLE_EQ(step.limits.published, 8 * 8192);
  EXPECT_DOUBLE_EQ(step.limits.ordered, 8 * 8192);
  EXPECT_DOUBLE_EQ(step.goalSeconds, 1.5 * 400);
}

TEST_F(StepTimeTest, RanksMustDivideTheParts) {
  EXPECT_THROW(predictPlan(plan, machine, 3), Error);
  EXPECT_EQ(mostRanks(plan, machine), 4);
}

TEST_F(StepTimeTest, WithoutTrainingThereIsNoStep) {
  plan.clear_training();
  EXPECT_TRUE(predictPlan(plan, machine, 8).steps.empty());
}

TEST_F(StepTimeTest, InstructionsAndDepthAreReadFromThePlan) {
  plan::Kernel *own =
      addKernel("product_1", "product", 2. * 7 * 64 * 48 * 32, 1);
  plan::GpuLaunch *launch = own->mutable_gpu();
  launch->set_grid_x(3);
  launch->set_grid_y(5);
  launch->set_grid_z(1);
  launch->set_threads(384);
  plan::TensorMap *a = launch->add_tensor_maps(),
                  *b = launch->add_tensor_maps();
  a->add_sizes(32); // k
  a->add_sizes(64);
  b->add_sizes(48);
  b->add_sizes(32);
  b->add_sizes(7); // a batch that shares A
  // The same beside one of 16 × 8 × 128, in one launch.
  plan::Kernel *both = addKernel("products", "product",
                                 2. * (7 * 64 * 48 * 32 + 16 * 8 * 128), 1);
  *both->mutable_gpu() = *launch;
  for (int64_t rows : {16, 8}) {
    plan::TensorMap *map = both->mutable_gpu()->add_tensor_maps();
    map->add_sizes(128);
    map->add_sizes(rows);
  }
  addKernel("attention_0", "attention", 1, 1)->mutable_gpu();
  plan::Code *code = plan.add_code();
  code->set_ptx(".visible .entry rows_0(.param .u64 b0)\n{ ret; }\n"
                ".visible .entry product_1(\n.param .u64 b0)\n"
                "{ wgmma.mma_async.sync.aligned.m64n48k16; ret; }\n"
                ".visible .entry attention_0(\n.param .u64 b0)\n"
                "{ mma.sync.aligned.m16n8k16; ret; }\n");
  std::vector<KernelFacts> facts = kernelFacts(plan);
  EXPECT_EQ(facts[0].instructions, Instructions::None);
  EXPECT_EQ(facts[0].threads, 1000);
  EXPECT_EQ(facts[1].kind, "library");
  EXPECT_EQ(facts[1].k, 16);
  EXPECT_EQ(facts[2].instructions, Instructions::Wgmma);
  EXPECT_EQ(facts[2].k, 32);
  EXPECT_EQ(facts[2].blocks, 15);
  EXPECT_EQ(facts[3].k,
            std::llround((7. * 64 * 48 * 32 * 32 + 16. * 8 * 128 * 128) /
                         (7 * 64 * 48 * 32 + 16 * 8 * 128)));
  EXPECT_EQ(facts[4].instructions, Instructions::Mma);
}

TEST_F(StepTimeTest, ReportsSayTheSame) {
  PlanTime times = predictPlan(plan, machine, 4);
  JsonWriter json;
  writeTimes(json, plan, times);
  JsonValue value;
  ASSERT_EQ(parseJson(json.text(), value), "");
  const JsonValue &step = value.find("steps")->items[0];
  EXPECT_DOUBLE_EQ(step.find("seconds")->number, times.steps[0].total.seconds);
  EXPECT_EQ(step.find("launches")->integer, times.steps[0].total.launches);
  EXPECT_EQ(value.find("kernels")->items[1].find("bound")->string,
            "tensor cores");
  EXPECT_EQ(value.find("kernels")->items[0].find("bound")->string, "memory");

  std::string text = timeTables(plan, times);
  EXPECT_NE(text.find("train.plain × 2"), text.npos);
  EXPECT_NE(text.find("past the goal"), text.npos);
  EXPECT_NE(text.find("product_0"), text.npos);
  EXPECT_NE(text.find("arXiv 2407.08608"), text.npos);
}

} // namespace
