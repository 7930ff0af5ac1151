// split-reductions: sums over rows become partial sums, and the sum of these.
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/fusion/OpFacts.h"
#include "compiler/passes/fusion/RowDomain.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_SPLITREDUCTIONS
#include "compiler/passes/fusion/FusionPasses.h.inc"

namespace {

/// Reductions of so few elements are done in one piece.
constexpr int64_t smallReduction = 4096;

/// The rows over which a reduction is split, or none.
Domain getSplit(pg::ReduceOp reduce, const Domain &tokens) {
  RankedTensorType type = pg::getTensorType(reduce.getX());
  auto reduces = [&](int64_t axis) {
    return llvm::is_contained(reduce.getAxes(), axis);
  };
  if (!tokens.empty() && hasRows(type.getShape(), tokens) && reduces(0) &&
      reduces(1))
    return tokens;
  if (type.getRank() >= 2 && reduces(0) &&
      type.getNumElements() > smallReduction)
    return {type.getShape().front()};
  return {};
}

void split(pg::ReduceOp reduce, const Domain &rows) {
  OpBuilder b(reduce);
  Location loc = reduce.getLoc();
  int64_t outer = rows.size();
  SmallVector<int64_t> inner, across;
  for (int64_t axis : reduce.getAxes())
    (axis < outer ? across : inner).push_back(axis);
  Value value = reduce.getX();
  if (!inner.empty())
    // Nothing is reduced within rows if those axes have size 1.
    value = b.createOrFold<pg::ReduceOp>(loc, reduce.getKind(), value, inner);
  if (reduce.getKind() == pg::ReduceKind::sum) {
    value = pg::PartialSumOp::create(b, loc, value, getChunks(rows), outer);
    value = pg::ReduceOp::create(b, loc, pg::ReduceKind::sum, value,
                                 ArrayRef<int64_t>{0});
    value = pg::ReshapeOp::create(
        b, loc, value, pg::getTensorType(reduce.getResult()).getShape());
  } else {
    if (inner.empty())
      return;
    value = pg::ReduceOp::create(b, loc, reduce.getKind(), value, across);
  }
  reduce.getResult().replaceAllUsesWith(value);
  reduce.erase();
}

struct SplitReductionsPass : impl::SplitReductionsBase<SplitReductionsPass> {
  using Base::Base;
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      Domain tokens = getTokenDomain(function);
      SmallVector<pg::ReduceOp> reduces;
      function.walk([&](pg::ReduceOp reduce) { reduces.push_back(reduce); });
      for (pg::ReduceOp reduce : reduces) {
        if (!isa<FloatType>(pg::getTensorType(reduce.getX()).getElementType()))
          continue;
        if (Domain rows = getSplit(reduce, tokens); !rows.empty())
          split(reduce, rows);
      }
    }
  }
};

} // namespace
} // namespace pgc
