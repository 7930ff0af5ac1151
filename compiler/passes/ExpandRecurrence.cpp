// Lays the visits of pg.recur out, one behind the other.
#include "compiler/passes/Passes.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_EXPANDRECURRENCE
#include "compiler/passes/Passes.h.inc"
} // namespace pgc

namespace {

using State = SmallVector<Value>;

/// Copies the block's operations to the builder's place with its arguments
/// given, and returns what it yields.
State inlineBlock(OpBuilder &builder, Block &block, ValueRange arguments,
                  StringAttr visit) {
  IRMapping mapping;
  mapping.map(block.getArguments(), arguments);
  for (Operation &op : block.without_terminator()) {
    Operation *copy = builder.clone(op, mapping);
    copy->setLoc(NameLoc::get(visit, op.getLoc()));
  }
  State results;
  for (Value value : block.getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(value));
  return results;
}

void expand(pg::RecurOp op) {
  OpBuilder builder(op);
  int64_t visits = op.getOrder().size(), half = visits / 2;
  State state(op.getInit());
  SmallVector<State> skips;
  for (auto [visit, layer] : llvm::enumerate(op.getOrder())) {
    int64_t position = static_cast<int64_t>(visit) - half;
    if (position >= 0 && position < op.getSkips() && !skips.empty()) {
      State pair(state);
      llvm::append_range(pair, skips.pop_back_val());
      state = inlineBlock(builder, op.getMerge(position), pair,
                          builder.getStringAttr("skip " + Twine(position)));
    }
    state = inlineBlock(builder, op.getLayer(layer), state,
                        builder.getStringAttr("visit " + Twine(visit)));
    if (static_cast<int64_t>(visit) < half)
      skips.push_back(state);
  }
  op.replaceAllUsesWith(state);
  op.erase();
}

struct ExpandRecurrence : pgc::impl::ExpandRecurrenceBase<ExpandRecurrence> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      // Inner recurrences first, so that each is expanded once.
      function.walk<WalkOrder::PostOrder>([](pg::RecurOp op) { expand(op); });
      pgc::eraseDeadOperations(function);
    }
  }
};

} // namespace
