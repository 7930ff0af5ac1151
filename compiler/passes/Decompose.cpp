// Replaces composites by what they stand for.
#include "compiler/passes/Passes.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_DECOMPOSE
#include "compiler/passes/Passes.h.inc"
} // namespace pgc

void pgc::decompose(pg::DecomposableOp op) {
  OpBuilder builder(op);
  op->replaceAllUsesWith(op.decompose(builder));
  op->erase();
}

namespace {

struct DecomposePattern : OpInterfaceRewritePattern<pg::DecomposableOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(pg::DecomposableOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, op.decompose(rewriter));
    return success();
  }
};

struct Decompose : pgc::impl::DecomposeBase<Decompose> {
  using Base::Base;
  void runOnOperation() override {
    llvm::StringSet<> kept;
    for (const std::string &name : keep)
      kept.insert(name);
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      // A composite may stand for composites, so until there is none.
      bool changed = true;
      while (changed) {
        changed = false;
        function.walk<WalkOrder::PostOrder>([&](pg::DecomposableOp op) {
          if (kept.contains(op->getName().getStringRef()))
            return;
          pgc::decompose(op);
          changed = true;
        });
      }
      pgc::eraseDeadOperations(function);
    }
  }
};

} // namespace

void pgc::populateDecomposePatterns(RewritePatternSet &patterns) {
  patterns.add<DecomposePattern>(patterns.getContext());
}
