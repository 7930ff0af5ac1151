// place-variables: gives every variable its place in an arena.
#include "compiler/passes/schedule/Layout.h"
#include "compiler/passes/schedule/SchedulePasses.h"
#include "dialects/pg/Pg.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {
#define GEN_PASS_DEF_PLACEVARIABLES
#include "compiler/passes/schedule/SchedulePasses.h.inc"

namespace {

/// The kernel that adds one instance of the gradients to another sees them as
/// rows of so many elements.
constexpr int64_t combineRow = 1024;

struct PlaceVariablesPass : impl::PlaceVariablesBase<PlaceVariablesPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    pg::VariableOp gradient;
    for (auto variable : module.getOps<pg::VariableOp>()) {
      StringRef arena = arenaOfSpace(variable.getSpace());
      variable->setAttr("buffer",
                        allocateInArena(module, arena,
                                        getByteSize(variable.getTensorType())));
      if (arena != "gradients")
        continue;
      if (gradient && gradient.getTensorType().getElementType() !=
                          variable.getTensorType().getElementType()) {
        variable.emitError("gradients must have one element type");
        return signalPassFailure();
      }
      gradient = variable;
    }
    if (gradient && !adaptsOnly(module))
      addCombineKernel(module, gradient.getTensorType().getElementType());
  }

  /// Whether gradients are those of test-time training, which has one part.
  static bool adaptsOnly(ModuleOp module) {
    bool adapts = false;
    for (auto function : module.getOps<func::FuncOp>()) {
      auto role = function->getAttrOfType<StringAttr>("pg.role");
      if (role && role.getValue() == "train")
        return false;
      adapts |= role && role.getValue() == "adapt";
    }
    return adapts;
  }

  void addCombineKernel(ModuleOp module, Type element) {
    int64_t row = combineRow * element.getIntOrFloatBitWidth() / 8;
    ArenaOp arena = getOrCreateArena(module, "gradients");
    int64_t rows = llvm::divideCeil(arena.getBytes() - arenaPadding, row);
    growArena(arena, rows * row);
    growArena(getOrCreateArena(module, "gradients.other"), rows * row);
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    auto type = RankedTensorType::get({rows, combineRow}, element);
    auto kernel =
        KernelOp::create(builder, module.getLoc(), "combine_gradients", "rows",
                         type, 0, {"accumulate"});
    kernel.setOuter(1);
    builder.setInsertionPointToStart(&kernel.getBlock());
    YieldOp::create(builder, module.getLoc(), kernel.getTensorArguments()[0]);
  }
};

} // namespace
} // namespace pgc
