// What several passes need.
#include "compiler/passes/Passes.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

StringRef pgc::getRole(func::FuncOp function) {
  auto role = function->getAttrOfType<StringAttr>("pg.role");
  return role ? role.getValue() : StringRef();
}

bool pgc::runsModel(func::FuncOp function) {
  return llvm::is_contained(
      {"train", "measure", "score", "probe", "logits", "adapt", "capture"},
      getRole(function));
}

void pgc::eraseDeadOperations(Operation *root) {
  root->walk<WalkOrder::PreOrder, ReverseIterator>([](Operation *op) {
    if (op->getParentOp() && isOpTriviallyDead(op)) {
      op->erase();
      return WalkResult::skip();
    }
    return WalkResult::advance();
  });
}

namespace pgc {
#define GEN_PASS_DEF_PRUNE
#include "compiler/passes/Passes.h.inc"
} // namespace pgc

namespace {
struct Prune : pgc::impl::PruneBase<Prune> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      pgc::eraseDeadOperations(function);
  }
};
} // namespace
