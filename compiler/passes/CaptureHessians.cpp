// Makes of the forward pass a function that collects the Hessians which
// quantisers read: XᵀX of all that multiplies a parameter.
#include "compiler/passes/Passes.h"
#include "dialects/pg/Building.h"
#include "dialects/pg/WeightUse.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "llvm/ADT/MapVector.h"
#include <map>

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_CAPTUREHESSIANS
#include "compiler/passes/Passes.h.inc"
} // namespace pgc

namespace {

/// The inputs of a parameter, in the order of their products.
using Inputs = SmallVector<Value>;

std::string hessianName(StringRef parameter) {
  return (parameter + ":hessian").str();
}

class Capture {
public:
  Capture(func::FuncOp function, double batches)
      : function(function), module(function->getParentOfType<ModuleOp>()),
        symbols(module), batches(batches) {}

  LogicalResult run() {
    // What is computed twice is one input.
    IRRewriter rewriter(function.getContext());
    DominanceInfo dominance(function);
    eliminateCommonSubExpressions(rewriter, dominance, function);
    if (failed(findInputs()))
      return failure();
    OpBuilder builder(function.front().getTerminator());
    for (auto &[variable, values] : inputs)
      if (!share(variable, values))
        for (Value x : values)
          accumulate(builder, x, variable);
    dropResults();
    pgc::eraseDeadOperations(function);
    dropArguments();
    return success();
  }

private:
  LogicalResult findInputs() {
    for (Operation &op : function.front()) {
      auto use = pg::getWeightUse(&op);
      if (!use)
        continue;
      auto hessian = symbols.lookup<pg::VariableOp>(
          hessianName(use->weight.getVariable()));
      if (!hessian)
        continue; // its quantiser reads none
      int64_t n = use->contracted;
      if (hessian.getTensorType().getShape() != ArrayRef<int64_t>{n, n})
        return op.emitOpError("contracts ")
               << n << " elements; the Hessian " << hessian.getSymNameAttr()
               << " is " << hessian.getType();
      inputs[hessian].push_back(use->x);
    }
    for (auto variable : module.getOps<pg::VariableOp>())
      if (variable.getSpace() == "hessian" && !inputs.count(variable))
        return variable.emitOpError(
            "is the Hessian of a parameter that nothing is multiplied with");
    return success();
  }

  /// Of parameters with the same inputs all but the first use its Hessian.
  bool share(pg::VariableOp variable, const Inputs &values) {
    std::vector<void *> key;
    for (Value value : values)
      key.push_back(value.getAsOpaquePointer());
    llvm::sort(key);
    auto [found, isNew] = byInputs.try_emplace(std::move(key), variable);
    mark(variable, found->second);
    if (isNew)
      return false;
    auto target = FlatSymbolRefAttr::get(found->second.getSymNameAttr());
    for (auto other : module.getOps<func::FuncOp>())
      other.walk([&](pg::LoadOp load) {
        if (load.getVariable() == variable.getSymName())
          load.setVariableAttr(target);
      });
    variable.erase();
    return true;
  }

  /// Notes at the parameter where its Hessian is.
  void mark(pg::VariableOp variable, pg::VariableOp shared) {
    StringRef name = variable.getSymName();
    name.consume_back(":hessian");
    if (auto parameter = symbols.lookup<pg::VariableOp>(name))
      parameter->setAttr("hessian",
                         FlatSymbolRefAttr::get(shared.getSymNameAttr()));
  }

  /// XᵀX / batches, over all leading axes.
  void accumulate(OpBuilder &builder, Value x, pg::VariableOp variable) {
    ImplicitLocOpBuilder b(x.getLoc(), builder);
    RankedTensorType type = pg::getTensorType(x);
    int64_t n = type.getShape().back();
    Value rows = pg::buildReshape(b, x, {type.getNumElements() / n, n});
    Value product = pg::MatmulOp::create(b, rows, rows, /*transposeA=*/true);
    product =
        pg::MulOp::create(b, product, pg::buildScalar(b, 1 / batches, product));
    pg::AccumulateOp::create(b, product, variable.getSymName());
  }

  void dropResults() {
    function.front().getTerminator()->setOperands({});
    function.setType(FunctionType::get(
        function.getContext(), function.getFunctionType().getInputs(), {}));
    function.setResAttrsAttr(ArrayAttr());
  }

  /// The targets have no use any more; the tokens, the first argument, stay.
  void dropArguments() {
    for (unsigned i = function.getNumArguments(); i-- > 1;)
      if (function.getArgument(i).use_empty())
        (void)function.eraseArgument(i);
  }

  func::FuncOp function;
  ModuleOp module;
  SymbolTable symbols;
  double batches;
  llvm::MapVector<pg::VariableOp, Inputs> inputs; // by Hessian
  std::map<std::vector<void *>, pg::VariableOp> byInputs;
};

struct CaptureHessians : pgc::impl::CaptureHessiansBase<CaptureHessians> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> functions;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (pgc::getRole(function) == "capture")
        functions.push_back(function);
    for (func::FuncOp function : functions) {
      auto batches = function->getAttrOfType<IntegerAttr>("pg.batches");
      if (!batches || batches.getInt() < 1) {
        function.emitOpError("needs 'pg.batches' of at least 1");
        return signalPassFailure();
      }
      if (failed(Capture(function, batches.getInt()).run()))
        return signalPassFailure();
    }
  }
};

} // namespace
