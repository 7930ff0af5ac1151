// What checkPlan refuses of quantisers, packing and their programs.
#include "runtime/plan/PlanCheck.h"
#include "runtime/support/Error.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <functional>
#include <gtest/gtest.h>

namespace pgrt {

namespace {

plan::Program *addProgram(plan::Plan &plan, const char *name) {
  plan::Program *program = plan.add_programs();
  program->set_name(name);
  program->set_role(name);
  return program;
}

void place(plan::Slot *slot, uint32_t arena, int64_t offset) {
  slot->set_arena(arena);
  slot->set_offset(offset);
}

/// The toy plan with an artifact: the table goes through GPTQ, the rest is
/// float16. Programs hold the commands that the host does, and no launches.
plan::Plan makePlan() {
  plan::Plan plan = toy::makePlan();
  uint32_t leaves = uint32_t(plan.arenas_size());
  for (const char *name : {"leaves", "hessians"}) {
    plan::Arena *arena = plan.add_arenas();
    arena->set_name(name);
    arena->set_bytes(1 << 20);
  }
  const plan::Parameter &table = plan.parameters(0);
  int64_t rows = table.shape(0), cols = table.shape(1), offset = 0;
  place(plan.mutable_parameters(0)->mutable_hessian(), leaves + 1, 0);
  plan.mutable_quantization()->set_batches(2);
  for (int i = 0; i < plan.parameters_size(); ++i) {
    plan::Quantizer *quantizer = plan.mutable_quantization()->add_quantizers();
    quantizer->set_parameter(uint32_t(i));
    quantizer->set_rule(i ? "half()" : "gptq_sdclip(bits = 6, k = 12.85)");
    plan::Leaf *leaf = quantizer->add_leaves();
    leaf->set_kind(i ? plan::Leaf::F16 : plan::Leaf::CODES);
    if (i == 0) {
      leaf->set_lo(-31);
      leaf->set_hi(31);
    }
    int64_t bytes = 4;
    for (int64_t size : plan.parameters(i).shape()) {
      leaf->add_shape(size);
      bytes *= size;
    }
    place(leaf->mutable_slot(), leaves, offset);
    offset += (bytes + 63) / 64 * 64;
  }
  plan::Program *capture = addProgram(plan, "capture");
  const plan::Program *train = findProgram(plan, "train");
  capture->set_batch(train->batch());
  capture->set_seq(train->seq());
  *capture->add_inputs() = train->inputs(0);

  plan::Program *quantize = addProgram(plan, "quantize");
  plan::Gptq *gptq = quantize->add_commands()->mutable_gptq();
  *gptq->mutable_weight() = table.slot();
  place(gptq->mutable_hessian(), leaves + 1, 0);
  place(gptq->mutable_scale(), leaves, 512 << 10);
  place(gptq->mutable_codes(), leaves, 0);
  gptq->set_rows(rows);
  gptq->set_cols(cols);
  gptq->set_type(plan::F32);
  gptq->set_top(31);
  gptq->set_block(128);
  gptq->set_damp(0.01);
  plan::Svd *svd = quantize->add_commands()->mutable_svd();
  *svd->mutable_matrix() = table.slot();
  place(svd->mutable_u(), leaves, 256 << 10);
  place(svd->mutable_s(), leaves, 512 << 10);
  place(svd->mutable_v(), leaves, 768 << 10);
  svd->set_rows(rows);
  svd->set_cols(cols);
  svd->set_type(plan::F32);
  svd->set_rank(1);
  addProgram(plan, "decode");

  plan::Pack *pack = plan.mutable_pack();
  pack->set_cap(16'000'000);
  pack->set_solve("matrix_k");
  for (auto [name, argument] :
       {std::pair<const char *, int64_t>{"shuffle", 2}, {"brotli", 11}}) {
    plan::Pack::Codec *codec = pack->add_codecs();
    codec->set_name(name);
    codec->set_argument(argument);
  }
  return plan;
}

plan::Program *program(plan::Plan &plan, const std::string &name) {
  for (plan::Program &program : *plan.mutable_programs())
    if (program.name() == name)
      return &program;
  return nullptr;
}
plan::Gptq *gptq(plan::Plan &plan) {
  return program(plan, "quantize")->mutable_commands(0)->mutable_gptq();
}
plan::Svd *svd(plan::Plan &plan) {
  return program(plan, "quantize")->mutable_commands(1)->mutable_svd();
}
plan::Leaf *leaf(plan::Plan &plan, int quantizer) {
  return plan.mutable_quantization()
      ->mutable_quantizers(quantizer)
      ->mutable_leaves(0);
}
void removeProgram(plan::Plan &plan, const std::string &name) {
  auto *programs = plan.mutable_programs();
  for (int i = programs->size(); i-- > 0;)
    if (programs->Get(i).name() == name)
      programs->DeleteSubrange(i, 1);
}

struct Damage {
  const char *name;
  std::function<void(plan::Plan &)> apply;
  const char *message; // part of it
};

const std::vector<Damage> &damages() {
  using plan::Plan;
  static const std::vector<Damage> list = {
      {"hessianOutside",
       [](Plan &p) {
         p.mutable_parameters(0)->mutable_hessian()->set_offset(1 << 30);
       },
       "Hessian lies"},
      {"hessianOfVector",
       [](Plan &p) {
         *p.mutable_parameters(1)->mutable_hessian() =
             p.parameters(0).hessian();
       },
       "no matrix"},
      {"batches", [](Plan &p) { p.mutable_quantization()->set_batches(-1); },
       "calibration"},
      {"batchesWithoutCapture", [](Plan &p) { removeProgram(p, "capture"); },
       "no capture"},
      {"captureWithoutBatches",
       [](Plan &p) { p.mutable_quantization()->set_batches(0); }, "a capture"},
      {"captureShape", [](Plan &p) { program(p, "capture")->set_seq(1); }, ""},
      {"captureTokens", [](Plan &p) { program(p, "capture")->clear_inputs(); },
       "'tokens'"},
      {"noQuantize", [](Plan &p) { removeProgram(p, "quantize"); },
       "no quantize"},
      {"noDecode", [](Plan &p) { removeProgram(p, "decode"); }, "no decode"},
      {"twoDecodes", [](Plan &p) { addProgram(p, "decode"); }, "role 'decode'"},
      {"decodeWithInputs",
       [](Plan &p) {
         *program(p, "decode")->add_inputs() = program(p, "capture")->inputs(0);
       },
       "weights alone"},
      {"decodeQuantises",
       [](Plan &p) {
         *program(p, "decode")->add_commands() =
             program(p, "quantize")->commands(0);
       },
       "quantises"},
      {"oneQuantizer",
       [](Plan &p) {
         p.mutable_quantization()->mutable_quantizers()->RemoveLast();
       },
       "quantisers"},
      {"quantizerOfAnother",
       [](Plan &p) {
         p.mutable_quantization()->mutable_quantizers(0)->set_parameter(1);
       },
       "parameter 1"},
      {"quantizerUnnamed",
       [](Plan &p) {
         p.mutable_quantization()->mutable_quantizers(0)->clear_rule();
       },
       "no name"},
      {"leafKind",
       [](Plan &p) { leaf(p, 0)->set_kind(plan::Leaf::KIND_UNSPECIFIED); },
       "no kind"},
      {"leafRange", [](Plan &p) { leaf(p, 0)->set_lo(32); }, "codes of"},
      {"leafWide", [](Plan &p) { leaf(p, 0)->set_hi(32768); }, "codes of"},
      {"leafShape", [](Plan &p) { leaf(p, 0)->set_shape(0, int64_t(1) << 62); },
       "shape"},
      {"leafOutside",
       [](Plan &p) { leaf(p, 0)->mutable_slot()->set_offset(1 << 20); },
       "outside"},
      {"leafArena", [](Plan &p) { leaf(p, 0)->mutable_slot()->set_arena(99); },
       "arena 99"},
      {"leafNowhere", [](Plan &p) { leaf(p, 0)->clear_slot(); }, "no place"},
      {"leavesOverlap",
       [](Plan &p) { *leaf(p, 1)->mutable_slot() = leaf(p, 0)->slot(); },
       "overlap"},
      {"leafOnParameter",
       [](Plan &p) { *leaf(p, 0)->mutable_slot() = p.parameters(0).slot(); },
       "overlap"},
      {"gptqRows", [](Plan &p) { gptq(p)->set_rows(0); }, "0 ×"},
      {"gptqHuge", [](Plan &p) { gptq(p)->set_cols(INT64_MAX); }, " × "},
      {"gptqTooLarge", [](Plan &p) { gptq(p)->set_cols(1 << 20); }, "outside"},
      {"gptqTop", [](Plan &p) { gptq(p)->set_top(0); }, "top 0"},
      {"gptqBlock", [](Plan &p) { gptq(p)->set_block(0); }, "block 0"},
      {"gptqDamp", [](Plan &p) { gptq(p)->set_damp(-1); }, "damp"},
      {"gptqType", [](Plan &p) { gptq(p)->set_type(plan::BF16); },
       "neither f32"},
      {"gptqUnaligned",
       [](Plan &p) { gptq(p)->mutable_scale()->set_offset(4); },
       "multiple of 64"},
      {"gptqOverItself",
       [](Plan &p) { *gptq(p)->mutable_codes() = gptq(p)->weight(); },
       "overlaps"},
      {"svdRank", [](Plan &p) { svd(p)->set_rank(100); }, "singular values"},
      {"svdOverItself", [](Plan &p) { *svd(p)->mutable_s() = svd(p)->u(); },
       "overlaps"},
      {"codecName",
       [](Plan &p) { p.mutable_pack()->mutable_codecs(0)->set_name("zip"); },
       "codec 'zip'"},
      {"codecArgument",
       [](Plan &p) { p.mutable_pack()->mutable_codecs(1)->set_argument(12); },
       "'brotli' with 12"},
      {"cap", [](Plan &p) { p.mutable_pack()->set_cap(-1); }, "cap"},
      {"zeroOnes", [](Plan &p) { p.mutable_pack()->set_zero_ones(-1); },
       "codes to zero"},
      {"solvesAndZeroes", [](Plan &p) { p.mutable_pack()->set_zero_ones(8); },
       "both"},
  };
  return list;
}
} // namespace

TEST(PlanCheckQuantization, AcceptsTheToyPlanWithAnArtifact) {
  EXPECT_NO_THROW(checkPlan(makePlan()));
}

TEST(PlanCheckQuantization, ScoresAloneNeedNoCalibration) {
  plan::Plan plan = makePlan();
  plan.clear_training();
  for (const char *name : {"capture", "quantize"})
    removeProgram(plan, name);
  EXPECT_NO_THROW(checkPlan(plan));
}

TEST(PlanCheckQuantization, RefusesEachContradiction) {
  for (const Damage &damage : damages()) {
    plan::Plan plan = makePlan();
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

} // namespace pgrt
