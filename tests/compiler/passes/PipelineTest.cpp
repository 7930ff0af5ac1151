// The passes from models to kernels keep what a program computes: whole models
// are interpreted before and after them.
#include "compiler/passes/Pipeline.h"
#include "compiler/frontend/Frontend.h"
#include "compiler/passes/Passes.h"
#include "compiler/passes/fusion/FusionPasses.h"
#include "dialects/sched/Sched.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Pass/PassManager.h"
#include "tests/support/Interpreter.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>
#include <random>
#include <set>

using namespace mlir;
using namespace pgtest;

namespace {

struct Case {
  const char *model;
  std::vector<std::string> defines;
  int64_t batch = 2, seq = 5;
  const char *numerics = "f32";
  double tolerance = 1e-6; // constants are folded in float32
};

// What GoogleTest and ctest show of a case; its bytes would differ from run to
// run.
void PrintTo(const Case &test, std::ostream *os) { *os << test.model; }

class PipelineTest : public testing::TestWithParam<Case> {
protected:
  void SetUp() override {
    context
        .loadDialect<pg::PgDialect, pg::sched::SchedDialect, func::FuncDialect,
                     arith::ArithDialect, math::MathDialect>();
    pgc::FrontendOptions options;
    options.file = std::string(PG_MODELS_DIR) + "/" + GetParam().model;
    options.defines = GetParam().defines;
    program = pgc::loadProgram(options, context, llvm::errs());
    ASSERT_TRUE(program);
  }

  /// Numbers of last positions to score: none of the others, some, all but one.
  static std::set<int64_t> scoredLengths(int64_t seq) {
    std::set<int64_t> lengths;
    for (int64_t scored : {int64_t(1), seq / 2, seq - 1, seq})
      if (scored >= 1)
        lengths.insert(scored);
    return lengths;
  }

  /// The model's module after the passes that `build` adds.
  OwningOpRef<ModuleOp>
  compile(llvm::function_ref<void(OpPassManager &)> build) {
    std::vector<pgc::EmitRequest> requests;
    for (const pgc::Phase &phase : program->phases()) {
      requests.push_back({pgc::EmitRequest::Role::Forward, phase.name,
                          GetParam().batch, GetParam().seq, false, ""});
      requests.push_back(
          {pgc::EmitRequest::Role::Update, phase.name, 1, 1, false, ""});
    }
    using Role = pgc::EmitRequest::Role;
    int64_t batch = GetParam().batch, seq = GetParam().seq;
    requests.push_back({Role::Score, "", batch, seq, false, "score"});
    requests.push_back({Role::Logits, "", batch, seq, false, "logits"});
    for (int64_t scored : scoredLengths(seq))
      requests.push_back({Role::Score, "", batch, seq, false,
                          "tail." + std::to_string(scored), scored});
    for (auto [i, item] : llvm::enumerate(program->evaluations()))
      if (item.kind == "ttt") {
        std::string number = std::to_string(i);
        requests.push_back({Role::Adapt, "", batch, seq, false,
                            "adapt." + number, 0, unsigned(i)});
        requests.push_back({Role::AdaptUpdate, "", 1, 1, false,
                            "adapt_update." + number, 0, unsigned(i)});
      }
    if (program->quantizes()) {
      requests.push_back({Role::Decode, "", 1, 1, false, ""});
      requests.push_back({Role::Quantize, "", 1, 1, false, ""});
    }
    if (program->calibrationBatches() > 0)
      requests.push_back({Role::Capture, "", batch, seq, false, ""});
    OwningOpRef<ModuleOp> module =
        program->emit(context, requests, llvm::errs());
    if (!module)
      return module;
    PassManager passes(&context);
    build(passes);
    if (failed(passes.run(*module)))
      module = nullptr;
    return module;
  }

  /// X Xᵀ of a matrix, and what makes it definite.
  static Tensor makeHessian(const Tensor &x) {
    Tensor h(x.shape);
    int64_t n = x.shape[0];
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) {
        h.data[i * n + j] = i == j;
        for (int64_t k = 0; k < n; ++k)
          h.data[i * n + j] += x.data[i * n + k] * x.data[j * n + k];
      }
    return h;
  }

  /// Runs a function on drawn tokens and variables; returns its results and all
  /// variables.
  std::vector<Tensor> run(ModuleOp module, StringRef name,
                          llvm::StringMap<Tensor> &variables) {
    Interpreter interpreter;
    interpreter.step = 3;
    interpreter.progress = 0.4;
    interpreter.sequences = 3;
    std::mt19937 random(7);
    for (auto variable : module.getOps<pg::VariableOp>()) {
      if (variable.getSpace() == "derived" || variable.getSpace() == "packed")
        continue;
      bool isGradient = variable.getSpace() == "gradient";
      Tensor value(variable.getTensorType().getShape().vec());
      std::normal_distribution<double> normal(0, 1);
      std::mt19937 own(std::hash<std::string>()(variable.getSymName().str()));
      for (double &x : value.data)
        x = 0.2 * normal(own) + (variable.getSpace() == "state" ? 1.5 : 0.1);
      if (isGradient &&
          (name.starts_with("train") || name.starts_with("adapt.")))
        value = Tensor(value.shape);
      if (variable.getSpace() == "hessian")
        value = makeHessian(value);
      interpreter.variables[variable.getSymName()] = value;
    }
    if (auto prepare = module.lookupSymbol<func::FuncOp>("prepare"))
      interpreter.run(prepare.getBody().front(), {});
    auto function = module.lookupSymbol<func::FuncOp>(name);
    std::vector<Tensor> arguments;
    for (Type type : function.getArgumentTypes()) {
      Tensor tokens(cast<RankedTensorType>(type).getShape().vec());
      for (double &token : tokens.data)
        token = std::uniform_int_distribution<int>(0, 16)(random);
      arguments.push_back(tokens);
    }
    if (arguments.size() > 1)
      targets = arguments[1];
    std::vector<Tensor> results =
        interpreter.run(function.getBody().front(), arguments);
    variables = std::move(interpreter.variables);
    return results;
  }

  static void compare(const Tensor &expected, const Tensor &got,
                      double tolerance, const std::string &what) {
    ASSERT_EQ(expected.shape, got.shape) << what;
    double largest = 1e-3;
    for (double x : expected.data)
      largest = std::max(largest, std::fabs(x));
    for (int64_t i = 0; i < expected.size(); ++i) {
      ASSERT_FALSE(std::isnan(got.data[i])) << what << " at " << i;
      ASSERT_NEAR(expected.data[i], got.data[i], tolerance * largest)
          << what << " at " << i;
    }
  }

  MLIRContext context;
  std::unique_ptr<pgc::Program> program;
  Tensor targets; // of the last run
};

TEST_P(PipelineTest, KeepsWhatProgramsCompute) {
  auto reference = compile([](OpPassManager &pm) {
    if (StringRef(GetParam().numerics) == "autocast")
      pm.addPass(pgc::createRoundResiduals());
    pm.addPass(pgc::createExpandRecurrence());
    pm.addPass(pgc::createCaptureHessians());
    pm.addPass(pgc::createDifferentiate());
    pm.addPass(pgc::createDecompose());
    pm.addPass(pgc::createExpandNewtonSchulz());
    pgc::ApplyNumericsOptions numerics;
    numerics.mode = GetParam().numerics;
    pm.addPass(pgc::createApplyNumerics(numerics));
  });
  auto fused = compile([](OpPassManager &pm) {
    pgc::PipelineOptions options;
    options.numerics = GetParam().numerics;
    options.headRows = 3; // blocks even of these few rows, the last one shorter
    pgc::buildExpandPipeline(pm, options);
    pgc::buildKernelPipeline(pm, options);
  });
  ASSERT_TRUE(reference && fused);
  for (auto function : reference->getOps<func::FuncOp>()) {
    std::string name = function.getSymName().str();
    if (!llvm::is_contained({"train", "score", "update", "logits", "adapt",
                             "adapt_update", "capture", "quantize", "decode"},
                            StringRef(name).split('.').first))
      continue;
    llvm::StringMap<Tensor> expectedVariables, variables;
    std::vector<Tensor> expected = run(*reference, name, expectedVariables),
                        got = run(*fused, name, variables);
    ASSERT_EQ(expected.size(), got.size());
    for (size_t i = 0; i < got.size(); ++i)
      compare(expected[i], got[i], GetParam().tolerance,
              name + " result " + std::to_string(i));
    for (auto &entry : expectedVariables)
      compare(entry.second, variables[entry.first()], GetParam().tolerance,
              name + " variable " + entry.first().str());
  }
}

/// The element of the logits for each target, less their logarithm of summed
/// exponentials.
static Tensor scoreFromLogits(const Tensor &logits, const Tensor &targets) {
  Tensor nll(targets.shape);
  int64_t width = logits.shape.back();
  for (int64_t i = 0; i < nll.size(); ++i) {
    double sum = 0;
    for (int64_t j = 0; j < width; ++j)
      sum += std::exp(logits.data[i * width + j]);
    nll.data[i] =
        std::log(sum) - logits.data[i * width + int64_t(targets.data[i])];
  }
  return nll;
}

TEST_P(PipelineTest, ScoresTheEndsOfWindowsAsInTheWhole) {
  auto module = compile([](OpPassManager &pm) {
    pgc::PipelineOptions options;
    options.numerics = GetParam().numerics;
    options.headRows = 3;
    pgc::buildExpandPipeline(pm, options);
    pgc::buildKernelPipeline(pm, options);
  });
  ASSERT_TRUE(module);
  llvm::StringMap<Tensor> variables;
  Tensor whole = run(*module, "score", variables).front();
  Tensor wanted = targets, logits = run(*module, "logits", variables).front();
  compare(whole, scoreFromLogits(logits, wanted), GetParam().tolerance,
          "logits");
  int64_t batch = GetParam().batch, seq = GetParam().seq;
  for (int64_t scored : scoredLengths(seq)) {
    std::string name = "tail." + std::to_string(scored);
    Tensor expected({batch, scored});
    for (int64_t i = 0; i < expected.size(); ++i)
      expected.data[i] =
          whole.data[i / scored * seq + seq - scored + i % scored];
    compare(expected, run(*module, name, variables).front(),
            GetParam().tolerance, name);
  }
}

// Where the loss of training is the score, and the model does not ask whether
// it trains, both have one gradient: that of test-time training is divided by
// the sequences of the step.
TEST_P(PipelineTest, AdaptsByTheGradientOfTraining) {
  if (StringRef(GetParam().model) != "sp8192_recur.pgm")
    GTEST_SKIP() << "another loss, or no test-time training";
  auto module = compile([](OpPassManager &pm) {
    pgc::PipelineOptions options;
    options.numerics = GetParam().numerics;
    pgc::buildExpandPipeline(pm, options);
    pgc::buildKernelPipeline(pm, options);
  });
  ASSERT_TRUE(module);
  std::string train = "train." + program->phases().back().name, adapt;
  for (auto [i, item] : llvm::enumerate(program->evaluations()))
    if (item.kind == "ttt")
      adapt = "adapt." + std::to_string(i);
  ASSERT_FALSE(adapt.empty());
  llvm::StringMap<Tensor> trained, adapted;
  std::vector<Tensor> loss = run(*module, train, trained),
                      same = run(*module, adapt, adapted);
  compare(loss.front(), same.front(), GetParam().tolerance, "loss");
  unsigned gradients = 0;
  for (auto &entry : trained) {
    if (!entry.first().ends_with(":grad"))
      continue;
    Tensor got = adapted[entry.first()];
    for (double &x : got.data)
      x *= 3; // sequences
    compare(entry.second, got, GetParam().tolerance, entry.first().str());
    ++gradients;
  }
  EXPECT_EQ(gradients, program->parameters().size());
}

const std::vector<std::string> tiny = {
    "vocab=17",   "dim=12",       "layers=3",     "heads=2",
    "kv_heads=1", "mlp_mult=1.5", "rope_dims=2",  "loop_start=1",
    "loop_end=1", "num_loops=1",  "small_size=24"};

std::vector<std::string> with(std::vector<std::string> defines,
                              const std::vector<std::string> &more) {
  llvm::append_range(defines, more);
  return defines;
}

std::vector<Case> getCases() {
  std::vector<Case> cases = {
      {"sp8192_recur.pgm", tiny},
      {"sp8192_recur.pgm", with(tiny, {"parallel_from=1"})},
      {"sp8192_recur.pgm", tiny, 1, 1},
      {"sp8192_recur.pgm", tiny, 3, 2},
      {"sp8192_recur.pgm",
       with(tiny,
            {"ln_scale=0", "skip_gates=0", "xsa_last_n=0", "num_loops=0"}),
       3, 7},
      {"sp8192_recur.pgm", tiny, 2, 5, "bf16", 3e-2},
      {"sp8192_recur.pgm", with(tiny, {"dim=24"}), 2, 5, "autocast", 3e-2},
      {"sp8192_recur.pgm",
       with(tiny,
            {"dim=40", "heads=2", "mlp_mult=4.0", "layers=2", "num_loops=0"}),
       2, 9},
      {"sp8192_gram.pgm", tiny},
      {"sp4096_recur.pgm", tiny},
      {"sp10240_simctg.pgm", tiny, 1, 20},
      {"sp10240_qahsp_ttt.pgm", tiny}};
  for (const char *model :
       {"attn_out_gate", "bigram_hash", "canon", "cautious_muon",
        "document_mask", "everything", "mtp", "smear_gate", "ste_int6",
        "two_lanes_routed", "two_phase_loop", "value_residual"}) {
    static std::vector<std::string> names;
    names.reserve(100);
    names.push_back(std::string("gallery/") + model + ".pgm");
    bool hashes =
        StringRef(model) == "bigram_hash" || StringRef(model) == "everything";
    cases.push_back(
        {names.back().c_str(),
         hashes ? with(tiny, {"bigram_rows=40", "bigram_dim=6"}) : tiny});
  }
  cases.push_back({"gallery/gptq_lite.pgm", with(tiny, {"lite_layers=2"})});
  cases.push_back(
      {"gallery/lqer.pgm", with(tiny, {"lqer_rank=2", "lqer_group=4"})});
  cases.push_back({"gallery/ternary.pgm", with(tiny, {"group_size=6"})});
  cases.push_back(
      {"gallery/tiny.pgm", {"vocab=17", "dim=12", "layers=5", "heads=2"}});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Models, PipelineTest, testing::ValuesIn(getCases()),
                         [](const testing::TestParamInfo<Case> &info) {
                           std::string name = std::to_string(info.index) + "_" +
                                              info.param.model;
                           for (char &c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c)))
                               c = '_';
                           return name;
                         });

} // namespace
