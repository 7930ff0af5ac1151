// round-residuals: the states of recurrences, and sums within visits, are held
// in bf16. See Numerics.md.
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/fusion/RowDomain.h"
#include "dialects/pg/Pg.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_ROUNDRESIDUALS
#include "compiler/passes/fusion/FusionPasses.h.inc"

namespace {

class ResidualRounder {
public:
  explicit ResidualRounder(func::FuncOp function)
      : tokens(getTokenDomains(function)) {}

  void run(pg::RecurOp recur) {
    // The first state, and what visits read from outside.
    for (OpOperand &initial : recur.getInitMutable())
      roundForVisits(initial.get(), recur);
    SmallVector<Value> outside;
    mlir::visitUsedValuesDefinedAbove(recur->getRegions(), [&](OpOperand *use) {
      outside.push_back(use->get());
    });
    for (Value value : outside)
      roundForVisits(value, recur);
    for (Region &body : recur.getBodies()) {
      // Inner recurrences round their own.
      for (auto sum : llvm::make_early_inc_range(body.getOps<pg::AddOp>()))
        roundSum(sum);
      Operation *yield = body.front().getTerminator();
      for (OpOperand &state : yield->getOpOperands())
        roundOperand(state, yield);
    }
  }

private:
  bool isRoundable(Value value) const {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.getElementType().isF32() && isActivation(type, tokens);
  }

  /// Whether the value is what bf16 can represent already, or is exempt.
  static bool isSettled(Value value) {
    Operation *op = value.getDefiningOp();
    if (auto convert = dyn_cast_if_present<pg::ConvertOp>(op))
      return pg::getTensorType(convert.getX()).getElementType().isBF16();
    return isa_and_present<pg::F32Op>(op);
  }

  static Value round(OpBuilder &b, Value value) {
    Value narrow =
        pg::ConvertOp::create(b, value.getLoc(), value, b.getBF16Type());
    return pg::ConvertOp::create(b, value.getLoc(), narrow, b.getF32Type());
  }

  void roundForVisits(Value value, pg::RecurOp recur) {
    if (!isRoundable(value) || isSettled(value))
      return;
    OpBuilder b(recur);
    Value rounded = round(b, value);
    value.replaceUsesWithIf(rounded, [&](OpOperand &use) {
      return recur->isAncestor(use.getOwner());
    });
  }

  void roundOperand(OpOperand &operand, Operation *user) {
    if (!isRoundable(operand.get()) || isSettled(operand.get()))
      return;
    OpBuilder b(user);
    operand.set(round(b, operand.get()));
  }

  void roundSum(pg::AddOp sum) {
    if (!isRoundable(sum) || !isRoundable(sum.getLhs()) ||
        !isRoundable(sum.getRhs()))
      return;
    // A sum of more is rounded where it is complete.
    if (sum->hasOneUse() && isa<pg::AddOp, pg::F32Op>(*sum->user_begin()))
      return;
    OpBuilder b(sum);
    b.setInsertionPointAfter(sum);
    Value rounded = round(b, sum);
    sum.getResult().replaceAllUsesExcept(
        rounded, rounded.getDefiningOp<pg::ConvertOp>().getX().getDefiningOp());
  }

  SmallVector<Domain> tokens;
};

struct RoundResidualsPass : impl::RoundResidualsBase<RoundResidualsPass> {
  using Base::Base;
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      ResidualRounder rounder(function);
      function.walk([&](pg::RecurOp recur) { rounder.run(recur); });
    }
  }
};

} // namespace
} // namespace pgc
