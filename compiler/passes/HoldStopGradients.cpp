// Has stop_gradient look at weights that stand still, so that finite
// differences of the loss are its gradient.
#include "compiler/passes/Passes.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_HOLDSTOPGRADIENTS
#include "compiler/passes/Passes.h.inc"
} // namespace pgc

namespace {

struct HoldStopGradients : pgc::impl::HoldStopGradientsBase<HoldStopGradients> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->removeAttr("pg.hold_stop_gradients"))
        hold(function);
  }

  /// A second forward pass, of the weights at the base point, computes what
  /// stands under stop_gradient; of all else in it nothing is left.
  void hold(func::FuncOp function) {
    SmallVector<pg::StopGradientOp> stops;
    function.walk([&](pg::StopGradientOp op) { stops.push_back(op); });
    if (stops.empty())
      return;
    Block &block = function.front();
    SmallVector<Operation *> ops;
    for (Operation &op : block.without_terminator())
      ops.push_back(&op);
    OpBuilder builder = OpBuilder::atBlockBegin(&block);
    IRMapping atBase;
    for (Operation *op : ops) {
      Operation *copy = builder.clone(*op, atBase);
      if (auto load = dyn_cast<pg::LoadOp>(copy))
        if (pg::VariableOp base = baseOf(load.getVariable()))
          load.setVariable(base.getSymName());
    }
    for (pg::StopGradientOp stop : stops)
      stop.getResult().replaceAllUsesWith(atBase.lookup(stop.getX()));
    pgc::eraseDeadOperations(function);
  }

  /// The variable that holds a parameter's base point; null if `name` is no
  /// parameter.
  pg::VariableOp baseOf(StringRef name) {
    ModuleOp module = getOperation();
    auto parameter = module.lookupSymbol<pg::VariableOp>(name);
    if (!parameter || parameter.getSpace() != "parameter")
      return nullptr;
    std::string baseName = (name + ":base").str();
    if (auto known = module.lookupSymbol<pg::VariableOp>(baseName))
      return known;
    OpBuilder builder(module.getContext());
    builder.setInsertionPointAfter(parameter);
    return pg::VariableOp::create(builder, parameter.getLoc(), baseName,
                                  parameter.getTensorType(), "state");
  }
};

} // namespace
