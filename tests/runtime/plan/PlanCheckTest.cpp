#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/PlanFile.h"
#include "runtime/support/Error.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <functional>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>
#include <random>

namespace pgrt {

TEST(PlanCheck, AcceptsTheToyPlan) {
  EXPECT_NO_THROW(checkPlan(toy::makePlan()));
  toy::ToyOptions options;
  options.quantizes = true;
  EXPECT_NO_THROW(checkPlan(toy::makePlan(options)));
  options.trains = false;
  EXPECT_NO_THROW(checkPlan(toy::makePlan(options)));
}

namespace {
struct Damage {
  const char *name;
  std::function<void(plan::Plan &)> apply;
  const char *message; // part of it
};

plan::Program *program(plan::Plan &plan, const std::string &name) {
  for (plan::Program &program : *plan.mutable_programs())
    if (program.name() == name)
      return &program;
  return nullptr;
}

plan::Launch *launch(plan::Plan &plan) {
  return program(plan, "train.plain")->mutable_commands(1)->mutable_launch();
}

plan::Launch *launchOf(plan::Plan &plan, const std::string &name, int command) {
  return program(plan, name)->mutable_commands(command)->mutable_launch();
}

plan::Gptq *gptq(plan::Plan &plan) {
  return program(plan, "quantize")->mutable_commands(1)->mutable_gptq();
}

plan::Leaf *leaf(plan::Plan &plan) {
  return plan.mutable_quantization()->mutable_quantizers(0)->mutable_leaves(0);
}

plan::Plan makeWhole() {
  toy::ToyOptions options;
  options.quantizes = true;
  return toy::makePlan(options);
}

const std::vector<Damage> &damages() {
  static const std::vector<Damage> list = {
      {"numerics", [](plan::Plan &p) { p.set_numerics("f16"); }, "numerics"},
      {"evaluationStage",
       [](plan::Plan &p) { p.mutable_evaluations(0)->set_stage("raw"); },
       "unknown stage"},
      {"evaluationKind",
       [](plan::Plan &p) { p.mutable_evaluations(0)->set_kind("guessed"); },
       "unknown kind"},
      {"evaluationLength",
       [](plan::Plan &p) { p.mutable_evaluations(0)->set_seq(7); },
       "does not score windows of 7"},
      {"evaluationProgram",
       [](plan::Plan &p) { p.mutable_evaluations(0)->set_score(1000); },
       "names program 1000"},
      {"evaluationRole",
       [](plan::Plan &p) { p.mutable_evaluations(0)->set_score(0); },
       "needs a program of role 'score'"},
      {"chunkedWithTail",
       [](plan::Plan &p) { p.mutable_evaluations(0)->set_tail(0); },
       "no overlap"},
      {"slidingWithoutTail",
       [](plan::Plan &p) {
         p.mutable_evaluations(0)->set_kind("sliding");
         p.mutable_evaluations(0)->set_stride(1);
       },
       "no program for the ends"},
      {"slidingTooFar",
       [](plan::Plan &p) {
         p.mutable_evaluations(0)->set_kind("sliding");
         p.mutable_evaluations(0)->set_stride(1000);
       },
       "moves windows"},
      {"tailOfOtherLength",
       [](plan::Plan &p) {
         plan::Evaluation *evaluation = p.mutable_evaluations(0);
         evaluation->set_kind("sliding");
         evaluation->set_stride(1);
         evaluation->set_tail(evaluation->score());
       },
       "does not score the last 1"},
      {"adaptsWithoutProgram",
       [](plan::Plan &p) {
         plan::Evaluation *evaluation = p.mutable_evaluations(0);
         evaluation->set_kind("ttt");
         evaluation->set_stride(evaluation->seq());
         evaluation->set_tail(evaluation->score());
         evaluation->set_chunk(64);
         evaluation->set_epochs(1);
         evaluation->set_sequences(1);
       },
       "lacks a program"},
      {"adaptsNever",
       [](plan::Plan &p) {
         plan::Evaluation *evaluation = p.mutable_evaluations(0);
         evaluation->set_kind("ttt");
         evaluation->set_stride(evaluation->seq());
         evaluation->set_tail(evaluation->score());
       },
       "epochs"},
      {"stateOfNoEvaluation",
       [](plan::Plan &p) { p.mutable_states(0)->set_evaluation(0); },
       "has no rules"},
      {"scoredOutside",
       [](plan::Plan &p) { program(p, "score")->set_scored(1000); },
       "positions"},
      {"scoredOfTraining",
       [](plan::Plan &p) { program(p, "train.plain")->set_scored(1); },
       "has another role"},
      // An update that precedes a score.
      {"scoreWritesParameters",
       [](plan::Plan &p) {
         plan::Copy *copy = program(p, "score")->add_commands()->mutable_copy();
         copy->mutable_from()->set_arena(
             program(p, "score")->outputs(0).slot().arena());
         *copy->mutable_to() = p.parameters(0).slot();
         copy->set_bytes(4);
       },
       "scoring must change nothing"},
      {"vocabulary", [](plan::Plan &p) { p.set_vocab(0); }, "vocabulary"},
      {"modelName", [](plan::Plan &p) { p.set_model_name("../x"); }, "path"},
      {"arenaTwice",
       [](plan::Plan &p) { p.mutable_arenas(1)->set_name("parameters"); },
       "used twice"},
      {"arenaNegative",
       [](plan::Plan &p) { p.mutable_arenas(0)->set_bytes(-1); }, "bytes"},
      {"arenaHuge",
       [](plan::Plan &p) { p.mutable_arenas(0)->set_bytes(int64_t(1) << 60); },
       "bytes"},
      {"arenasTogetherHuge",
       [](plan::Plan &p) {
         for (plan::Arena &arena : *p.mutable_arenas())
           arena.set_bytes(int64_t(1) << 45);
       },
       "exceed"},
      {"aliasOfNothing",
       [](plan::Plan &p) { p.mutable_arenas(2)->set_alias_of("nothing"); },
       "alias"},
      {"aliasOfOtherSize",
       [](plan::Plan &p) { p.mutable_arenas(2)->set_bytes(64); }, "alias"},
      {"parameterTwice",
       [](plan::Plan &p) { p.mutable_parameters(1)->set_name("table"); },
       "used twice"},
      {"parameterShape",
       [](plan::Plan &p) {
         p.mutable_parameters(0)->set_shape(0, int64_t(1) << 62);
       },
       "shape"},
      {"parameterEmpty",
       [](plan::Plan &p) { p.mutable_parameters(0)->set_shape(0, 0); },
       "shape"},
      {"parameterType",
       [](plan::Plan &p) { p.mutable_parameters(0)->set_type(plan::BF16); },
       "neither f32"},
      {"parameterOutside",
       [](plan::Plan &p) {
         p.mutable_parameters(0)->mutable_slot()->set_offset(int64_t(1) << 20);
       },
       "outside"},
      {"parameterOverflow",
       [](plan::Plan &p) {
         p.mutable_parameters(0)->mutable_slot()->set_offset(INT64_MAX - 63);
       },
       "outside"},
      {"parameterNegative",
       [](plan::Plan &p) {
         p.mutable_parameters(0)->mutable_slot()->set_offset(-64);
       },
       "outside"},
      {"parameterUnaligned",
       [](plan::Plan &p) {
         p.mutable_parameters(0)->mutable_slot()->set_offset(4);
       },
       "multiple of 64"},
      {"parametersOverlap",
       [](plan::Plan &p) {
         p.mutable_parameters(1)->mutable_slot()->set_offset(64);
       },
       "overlap"},
      {"parameterArena",
       [](plan::Plan &p) {
         p.mutable_parameters(0)->mutable_slot()->set_arena(99);
       },
       "arena 99"},
      {"gradientElsewhere",
       [](plan::Plan &p) {
         p.mutable_parameters(1)->mutable_gradient()->set_arena(3);
         p.mutable_parameters(1)->clear_average();
       },
       "apart"},
      {"parameterInAlias",
       [](plan::Plan &p) {
         p.mutable_parameters(0)->mutable_slot()->set_arena(2);
       },
       "alias"},
      {"noInit", [](plan::Plan &p) { p.mutable_parameters(0)->clear_init(); },
       "initial value"},
      {"initCount",
       [](plan::Plan &p) {
         p.mutable_parameters(1)
             ->mutable_init()
             ->mutable_constant()
             ->add_values(1);
       },
       "initial values"},
      {"orthogonalVector",
       [](plan::Plan &p) {
         p.mutable_parameters(1)
             ->mutable_init()
             ->mutable_orthogonal()
             ->set_scale(1);
       },
       "two axes"},
      {"stateOutside",
       [](plan::Plan &p) {
         p.mutable_states(0)->mutable_slot()->set_offset(64);
       },
       "outside"},
      {"constantOutside",
       [](plan::Plan &p) {
         plan::Constant *constant = p.add_constants();
         constant->mutable_slot()->set_arena(4);
         constant->set_data(std::string(65, 'x'));
       },
       "outside"},
      {"kernelTwice",
       [](plan::Plan &p) { p.mutable_kernels(1)->set_symbol("toy_forward"); },
       "used twice"},
      {"kernelChunks",
       [](plan::Plan &p) { p.mutable_kernels(0)->set_chunks(-1); }, "chunks"},
      {"kernelScratch",
       [](plan::Plan &p) {
         p.mutable_kernels(0)->set_scratch_bytes(int64_t(1) << 40);
       },
       "scratch"},
      {"kernelResults",
       [](plan::Plan &p) { p.mutable_kernels(0)->set_results(7); }, "results"},
      {"noCode", [](plan::Plan &p) { p.clear_code(); }, "no code"},
      {"scalarCycle",
       [](plan::Plan &p) { p.mutable_scalars(4)->set_args(0, 4); },
       "come before"},
      {"scalarAhead",
       [](plan::Plan &p) { p.mutable_scalars(4)->set_args(0, 6); },
       "come before"},
      {"scalarArity", [](plan::Plan &p) { p.mutable_scalars(4)->add_args(0); },
       "arguments"},
      {"scalarOp",
       [](plan::Plan &p) {
         p.mutable_scalars(0)->set_op(plan::ScalarExpr::Op(77));
       },
       "unknown operation"},
      {"role", [](plan::Plan &p) { p.mutable_programs(0)->set_role("dance"); },
       "role"},
      {"launchKernel", [](plan::Plan &p) { launch(p)->set_kernel(99); },
       "kernel 99"},
      {"launchBuffers",
       [](plan::Plan &p) { launch(p)->mutable_buffers()->RemoveLast(); },
       "buffers"},
      {"launchScalars", [](plan::Plan &p) { launch(p)->add_scalars(0); },
       "scalars"},
      {"launchScalarIndex",
       [](plan::Plan &p) { launch(p)->set_scalars(0, 1000); }, "scalar 1000"},
      {"launchBufferOutside",
       [](plan::Plan &p) {
         launch(p)->mutable_buffers(4)->set_offset(4096 - 64);
       },
       "outside"},
      {"launchBufferUnaligned",
       [](plan::Plan &p) { launch(p)->mutable_buffers(4)->set_offset(32); },
       "multiple of 64"},
      {"bufferGrown",
       [](plan::Plan &p) {
         p.mutable_kernels(0)->set_buffer_bytes(0, 1 << 20);
       },
       "outside"},
      {"emptyCommand",
       [](plan::Plan &p) { p.mutable_programs(0)->add_commands(); }, "empty"},
      {"fillOdd",
       [](plan::Plan &p) {
         p.mutable_programs(0)->mutable_commands(0)->mutable_fill()->set_bytes(
             7);
       },
       "multiple of 4"},
      {"copyOverlap",
       [](plan::Plan &p) {
         plan::Copy *copy =
             program(p, "prepare")->mutable_commands(0)->mutable_copy();
         copy->mutable_to()->set_arena(0);
         copy->mutable_to()->set_offset(64);
       },
       "overlap"},
      {"copyNegative",
       [](plan::Plan &p) {
         program(p, "prepare")
             ->mutable_commands(0)
             ->mutable_copy()
             ->set_bytes(-1);
       },
       "outside"},
      {"portBytes",
       [](plan::Plan &p) {
         p.mutable_programs(0)->mutable_inputs(0)->set_bytes(8);
       },
       "shape says"},
      {"portMissing",
       [](plan::Plan &p) {
         p.mutable_programs(0)->mutable_inputs(0)->set_name("tokenz");
       },
       "'tokens'"},
      {"portType",
       [](plan::Plan &p) {
         p.mutable_programs(0)->mutable_inputs(0)->set_type(plan::F64);
       },
       "type"},
      {"programShape",
       [](plan::Plan &p) { p.mutable_programs(0)->set_batch(3); },
       "type or shape"},
      {"lossMissing",
       [](plan::Plan &p) { p.mutable_programs(0)->clear_outputs(); }, "'loss'"},
      {"phaseTwice",
       [](plan::Plan &p) { p.mutable_programs(1)->set_phases(0, "plain"); },
       "two programs"},
      {"phaseMissing",
       [](plan::Plan &p) { p.mutable_programs(1)->set_phases(0, "other"); },
       "phase 'other'"},
      {"scoreTwice",
       [](plan::Plan &p) { *p.add_programs() = *program(p, "score"); },
       "two programs"},
      {"decodeTwice",
       [](plan::Plan &p) { *p.add_programs() = *program(p, "decode"); },
       "two programs"},
      {"scoredTooMany",
       [](plan::Plan &p) { program(p, "score.tail")->set_scored(7); },
       "scores 7 of 6"},
      {"scoreThatLasts",
       [](plan::Plan &p) {
         launchOf(p, "score", 0)->mutable_buffers(4)->set_arena(3);
         launchOf(p, "score", 0)->mutable_buffers(4)->set_offset(0);
       },
       "scoring must change nothing"},
      {"gptqOutside", [](plan::Plan &p) { gptq(p)->set_rows(1000); },
       "outside"},
      {"gptqTop", [](plan::Plan &p) { gptq(p)->set_top(0); }, "top 0"},
      {"gptqType", [](plan::Plan &p) { gptq(p)->set_type(plan::BF16); },
       "neither f32 nor f64"},
      {"hessianOfAVector",
       [](plan::Plan &p) {
         p.mutable_parameters(1)->mutable_hessian()->set_arena(8);
       },
       "is of no matrix"},
      {"leafOutside",
       [](plan::Plan &p) { leaf(p)->mutable_slot()->set_offset(192); },
       "outside"},
      {"leavesOverlap",
       [](plan::Plan &p) {
         p.mutable_quantization()
             ->mutable_quantizers(1)
             ->mutable_leaves(0)
             ->mutable_slot()
             ->set_offset(0);
       },
       "overlap"},
      {"leafKind",
       [](plan::Plan &p) { leaf(p)->set_kind(plan::Leaf::KIND_UNSPECIFIED); },
       "of no kind"},
      {"leafRange", [](plan::Plan &p) { leaf(p)->set_hi(40000); },
       "has codes of"},
      {"noQuantizer",
       [](plan::Plan &p) {
         p.mutable_quantization()->mutable_quantizers()->RemoveLast();
       },
       "1 quantisers"},
      {"noDecoder",
       [](plan::Plan &p) { program(p, "decode")->set_role("prepare"); }, ""},
      {"noCapture",
       [](plan::Plan &p) { program(p, "capture")->set_role("logits"); },
       "logits"},
      {"evaluationStride",
       [](plan::Plan &p) { p.mutable_evaluations(2)->set_stride(9); }, "by 9"},
      {"evaluationTail",
       [](plan::Plan &p) { p.mutable_evaluations(2)->set_stride(3); },
       "does not score the last 3"},
      {"evaluationSeq",
       [](plan::Plan &p) { p.mutable_evaluations(1)->set_seq(5); },
       "windows of 5"},
      {"evaluationAdapt",
       [](plan::Plan &p) { p.mutable_evaluations(3)->set_adapt(0); },
       "of role 'adapt'"},
      {"evaluationProgram",
       [](plan::Plan &p) { p.mutable_evaluations(3)->set_tail(99); },
       "names program 99"},
      {"evaluationSequences",
       [](plan::Plan &p) { p.mutable_evaluations(3)->set_sequences(0); },
       "steps of 0"},
      {"stateOfNoEvaluation",
       [](plan::Plan &p) { p.mutable_states(1)->set_evaluation(4); },
       "evaluation 4"},
      {"negativeCap", [](plan::Plan &p) { p.mutable_pack()->set_cap(-1); },
       "cap of"},
      {"batch",
       [](plan::Plan &p) { p.mutable_training()->set_batch_tokens(47); },
       "is not"},
      {"parts", [](plan::Plan &p) { p.mutable_training()->set_parts(0); },
       "parts"},
      {"partsHuge",
       [](plan::Plan &p) { p.mutable_training()->set_parts(INT64_MAX); },
       "parts"},
      {"measureOtherBatch",
       [](plan::Plan &p) {
         plan::Program *measure = p.add_programs();
         *measure = *program(p, "capture");
         measure->set_role("measure");
         measure->add_phases("plain");
         measure->set_batch(1);
         for (plan::Port &port : *measure->mutable_inputs()) {
           port.set_shape(0, 1);
           port.set_bytes(measure->seq() * 8);
         }
       },
       "is not for micro-batches of"},
      {"measureWithoutPhase",
       [](plan::Plan &p) { program(p, "capture")->set_role("measure"); },
       "serves no phase"},
      {"microBatch",
       [](plan::Plan &p) { p.mutable_training()->set_micro_batch(4); },
       "micro-batches"},
      {"order",
       [](plan::Plan &p) { p.mutable_training()->set_order("random"); },
       "order"},
      {"budget", [](plan::Plan &p) { p.mutable_training()->set_seconds(-1); },
       "budget"},
      {"dataPath",
       [](plan::Plan &p) { p.mutable_training()->set_data("../../etc"); },
       "path"},
      {"switchName",
       [](plan::Plan &p) {
         p.mutable_training()->mutable_switches(0)->set_name("a+b");
       },
       "switch"},
      {"switchScalar",
       [](plan::Plan &p) {
         p.mutable_training()->mutable_switches(0)->set_condition(99);
       },
       "scalar 99"},
      {"lr", [](plan::Plan &p) { p.mutable_training()->set_lr(99); },
       "scalar 99"},
      {"instances",
       [](plan::Plan &p) { p.mutable_arenas(1)->set_instances(1); },
       "instances"},
      {"noCombine",
       [](plan::Plan &p) { program(p, "combine")->set_role("prepare"); }, ""},
      {"noGradients",
       [](plan::Plan &p) {
         for (plan::Parameter &parameter : *p.mutable_parameters())
           parameter.clear_gradient();
       },
       "gradient"},
  };
  return list;
}
} // namespace

TEST(PlanCheck, RefusesEachContradiction) {
  for (const Damage &damage : damages()) {
    plan::Plan plan = makeWhole();
    damage.apply(plan);
    try {
      checkPlan(plan);
      ADD_FAILURE() << damage.name << " was accepted";
    } catch (const Error &error) {
      EXPECT_EQ(error.code, ExitCode::Input) << damage.name;
      EXPECT_NE(std::string(error.what()).find(damage.message),
                std::string::npos)
          << damage.name << ": " << error.what();
    }
  }
}

// Whoever changes a plan can also state its new hash: then the checks alone
// stand between it and the machine. Whatever the bytes are, they are refused or
// they are a plan that stays within its arenas.
TEST(PlanCheck, SurvivesAnyBytes) {
  plan::Plan original = makeWhole();
  original.mutable_code(0)->set_object(
      "x"); // most of the bytes should be those that the checks look at
  std::string payload = framePlan(original).substr(planHeaderBytes);
  google::protobuf::LogSilencer silencer;
  std::mt19937 random(7);
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = payload;
    for (unsigned i = 0; i <= random() % 4; ++i)
      bytes[random() % bytes.size()] = char(random());
    if (round % 5 == 0)
      bytes.resize(random() % bytes.size());
    plan::Plan plan;
    if (!plan.ParseFromString(bytes))
      continue;
    try {
      checkPlan(plan);
      ++accepted;
    } catch (const Error &) {
    }
  }
  EXPECT_GT(accepted, 0); // a changed name or learning rate is still a plan
}

TEST(PlanCheck, Instances) {
  EXPECT_EQ(gradientInstances(1), 1);
  EXPECT_EQ(gradientInstances(2), 2);
  EXPECT_EQ(gradientInstances(3), 2);
  EXPECT_EQ(gradientInstances(4), 3);
  EXPECT_EQ(gradientInstances(7), 3);
  EXPECT_EQ(gradientInstances(8), 4);
}

} // namespace pgrt
