// Checks between phases of the compiler: what a pass promises, it kept.
#include "compiler/passes/Passes.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_VERIFYEXPANDED
#define GEN_PASS_DEF_VERIFYDIFFERENTIATED
#define GEN_PASS_DEF_VERIFYPRIMITIVE
#define GEN_PASS_DEF_VERIFYQUANTIZED
#include "compiler/passes/Passes.h.inc"
} // namespace pgc

namespace {

struct VerifyExpanded : pgc::impl::VerifyExpandedBase<VerifyExpanded> {
  void runOnOperation() override {
    getOperation().walk([&](pg::RecurOp op) {
      op.emitOpError("is left after expand-recurrence");
      signalPassFailure();
    });
  }
};

struct VerifyDifferentiated
    : pgc::impl::VerifyDifferentiatedBase<VerifyDifferentiated> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (pgc::getRole(function) == "forward") {
        function.emitOpError("is left after differentiate");
        signalPassFailure();
      }
      if (llvm::is_contained({"train", "adapt"}, pgc::getRole(function)))
        checkEffects(function);
    }
  }

  void checkEffects(func::FuncOp function) {
    SymbolTable symbols(getOperation());
    function.walk([&](Operation *op) {
      if (isa<pg::StoreOp>(op)) {
        op->emitOpError("changes a variable in a training function");
        signalPassFailure();
      }
      if (auto accumulate = dyn_cast<pg::AccumulateOp>(op)) {
        auto variable =
            symbols.lookup<pg::VariableOp>(accumulate.getVariable());
        if (variable && variable.getSpace() == "gradient")
          return;
        op->emitOpError(
            "adds to a variable that is no gradient in a training function");
        signalPassFailure();
      }
    });
  }
};

struct VerifyQuantized : pgc::impl::VerifyQuantizedBase<VerifyQuantized> {
  /// The spaces that a function of a role may reach.
  struct Rights {
    StringRef role;
    SmallVector<StringRef> loads, stores, accumulates;
  };

  void runOnOperation() override {
    const Rights all[] = {{"measure", {"parameter", "state"}, {"state"}, {}},
                          {"capture", {"parameter"}, {}, {"hessian"}},
                          {"quantize", {"parameter", "hessian"}, {"leaf"}, {}},
                          {"decode", {"leaf"}, {"parameter"}, {}}};
    SymbolTable symbols(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (const Rights &rights : all)
        if (pgc::getRole(function) == rights.role)
          function.walk([&](Operation *op) { check(op, rights, symbols); });
  }

  void check(Operation *op, const Rights &rights, SymbolTable &symbols) {
    auto mayReach = [&](StringRef name, ArrayRef<StringRef> spaces) {
      auto variable = symbols.lookup<pg::VariableOp>(name);
      if (variable && llvm::is_contained(spaces, variable.getSpace()))
        return;
      op->emitOpError("must not reach this variable in '")
          << rights.role << "'";
      signalPassFailure();
    };
    if (auto load = dyn_cast<pg::LoadOp>(op))
      mayReach(load.getVariable(), rights.loads);
    else if (auto store = dyn_cast<pg::StoreOp>(op))
      mayReach(store.getVariable(), rights.stores);
    else if (auto accumulate = dyn_cast<pg::AccumulateOp>(op))
      mayReach(accumulate.getVariable(), rights.accumulates);
  }
};

struct VerifyPrimitive : pgc::impl::VerifyPrimitiveBase<VerifyPrimitive> {
  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (!isa<pg::DecomposableOp, pg::NewtonSchulzOp, pg::RecurOp>(op))
        return;
      op->emitOpError("is not primitive");
      signalPassFailure();
    });
  }
};

} // namespace
