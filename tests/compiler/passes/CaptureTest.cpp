// Hessians, in numbers: what the program of the whole pipeline collects is the
// sum of XᵀX over all X that a plain walk over the scores finds.
#include "compiler/frontend/Frontend.h"
#include "compiler/passes/Passes.h"
#include "compiler/passes/Pipeline.h"
#include "dialects/pg/WeightUse.h"
#include "dialects/sched/Sched.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Pass/PassManager.h"
#include "tests/support/Interpreter.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace pgtest;

namespace {

class CaptureTest : public testing::Test {
protected:
  void SetUp() override {
    context
        .loadDialect<pg::PgDialect, pg::sched::SchedDialect, func::FuncDialect,
                     arith::ArithDialect, math::MathDialect>();
  }

  void load(const char *model, std::vector<std::string> defines) {
    pgc::FrontendOptions options;
    options.file = std::string(PG_MODELS_DIR) + "/" + model;
    options.defines = std::move(defines);
    program = pgc::loadProgram(options, context, llvm::errs());
    ASSERT_TRUE(program);
  }

  OwningOpRef<ModuleOp> emit(pgc::EmitRequest::Role role,
                             llvm::function_ref<void(OpPassManager &)> build) {
    using Role = pgc::EmitRequest::Role;
    std::vector<pgc::EmitRequest> requests = {
        {role, "", batch, seq, false, "model"}};
    if (role == Role::Capture) // declares the Hessians
      requests.push_back({Role::Quantize, "", 1, 1, false, ""});
    OwningOpRef<ModuleOp> module =
        program->emit(context, requests, llvm::errs());
    PassManager passes(&context);
    build(passes);
    if (!module || failed(passes.run(*module)))
      return nullptr;
    return module;
  }

  static Interpreter start(ModuleOp module) {
    Interpreter interpreter;
    for (auto variable : module.getOps<pg::VariableOp>()) {
      if (variable.getSpace() != "parameter")
        continue;
      Tensor value(variable.getTensorType().getShape().vec());
      std::normal_distribution<double> normal(0.1, 0.4);
      std::mt19937 own(std::hash<std::string>()(variable.getSymName().str()));
      for (double &x : value.data)
        x = normal(own);
      interpreter.variables[variable.getSymName()] = value;
    }
    return interpreter;
  }

  Tensor drawTokens() const {
    std::mt19937 random(5);
    Tensor tokens({batch, seq});
    for (double &token : tokens.data)
      token = std::uniform_int_distribution<int>(0, 16)(random);
    return tokens;
  }

  MLIRContext context;
  std::unique_ptr<pgc::Program> program;
  int64_t batch = 2, seq = 5;
};

TEST_F(CaptureTest, IsTheSumOverAllProducts) {
  load("sp8192_recur.pgm",
       {"vocab=17", "dim=12", "layers=4", "heads=2", "kv_heads=1",
        "mlp_mult=1.5", "rope_dims=2", "loop_start=1", "loop_end=2",
        "num_loops=2", "parallel_from=3", "small_size=24",
        "calibration_batches=4"});
  auto scores = emit(pgc::EmitRequest::Role::Score,
                     [](OpPassManager &pm) { pgc::buildExpandPipeline(pm); });
  auto capture = emit(pgc::EmitRequest::Role::Capture, [](OpPassManager &pm) {
    pgc::buildExpandPipeline(pm);
    pgc::buildKernelPipeline(pm, {});
  });
  ASSERT_TRUE(scores && capture);

  // The inputs of all products become results.
  auto function = scores->lookupSymbol<func::FuncOp>("model");
  Operation *terminator = function.front().getTerminator();
  std::vector<std::string> names;
  SmallVector<Value> inputs;
  for (Operation &op : function.front())
    if (auto use = pg::getWeightUse(&op)) {
      names.push_back(use->weight.getVariable().str());
      inputs.push_back(use->x);
    }
  terminator->setOperands(inputs);
  std::vector<Tensor> found = start(*scores).run(
      function.front(), {drawTokens(), Tensor({batch, seq})});
  llvm::StringMap<Tensor> expected;
  std::map<std::string, int> visits;
  for (auto [name, x] : llvm::zip_equal(names, found)) {
    int64_t n = x.shape.back();
    Tensor &h = expected[name];
    if (h.data.empty())
      h = Tensor({n, n});
    for (int64_t row = 0; row < x.size() / n; ++row)
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j)
          h.data[i * n + j] += x.data[row * n + i] * x.data[row * n + j] / 4;
    ++visits[name];
  }
  EXPECT_EQ(visits["blocks.1.mlp.proj.weight"], 3);
  EXPECT_EQ(visits["blocks.0.mlp.proj.weight"], 1);
  EXPECT_EQ(visits["tok_emb.weight"], 1);

  Interpreter interpreter = start(*capture);
  if (auto prepare = capture->lookupSymbol<func::FuncOp>("prepare"))
    interpreter.run(prepare.front(), {});
  interpreter.run(capture->lookupSymbol<func::FuncOp>("model").front(),
                  {drawTokens()});
  std::map<std::string, std::string> places;
  for (auto variable : capture->getOps<pg::VariableOp>())
    if (auto hessian = variable->getAttrOfType<FlatSymbolRefAttr>("hessian"))
      places[variable.getSymName().str()] = hessian.getValue().str();
  EXPECT_EQ(places.size(), expected.size());
  for (auto &[name, place] : places) {
    const Tensor &want = expected[name], &got = interpreter.variables[place];
    ASSERT_EQ(want.shape, got.shape) << name;
    double largest = 0;
    for (double x : want.data)
      largest = std::max(largest, std::fabs(x));
    for (int64_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(want.data[i], got.data[i], 1e-6 * largest)
          << name << " at " << i;
  }
  // Queries, keys and values read one input; so does the MLP beside them.
  for (const char *name : {"attn.c_k", "attn.c_v", "mlp.fc"})
    EXPECT_EQ(places[std::string("blocks.3.") + name + ".weight"],
              "blocks.3.attn.c_q.weight:hessian");
  EXPECT_EQ(places["blocks.0.mlp.fc.weight"], "blocks.0.mlp.fc.weight:hessian");
}

} // namespace
