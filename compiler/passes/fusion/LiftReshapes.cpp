// lift-reshapes: products keep the leading axes of their first operand.
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/fusion/RowDomain.h"
#include "dialects/pg/Pg.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_LIFTRESHAPES
#include "compiler/passes/fusion/FusionPasses.h.inc"

namespace {

/// The operand with the axes of the function's tokens in front, where it has
/// one axis for all of them or comes from such a reshape; null otherwise.
Value getUnreshaped(OpBuilder &b, Value operand, const Domain &tokens) {
  RankedTensorType type = pg::getTensorType(operand);
  if (!tokens.empty() && type.getRank() == 2 &&
      type.getDimSize(0) == tokens[0] * tokens[1])
    return pg::ReshapeOp::create(b, operand.getLoc(), operand,
                                 {tokens[0], tokens[1], type.getDimSize(1)});
  auto reshape = operand.getDefiningOp<pg::ReshapeOp>();
  if (!reshape)
    return nullptr;
  RankedTensorType from = pg::getTensorType(reshape.getX());
  if (from.getRank() <= type.getRank() ||
      from.getShape().back() != type.getShape().back())
    return nullptr;
  return reshape.getX();
}

struct LiftReshapesPass : impl::LiftReshapesBase<LiftReshapesPass> {
  using Base::Base;
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      Domain tokens = getTokenDomain(function);
      function.walk([&](Operation *op) { lift(op, tokens); });
    }
  }

  static void lift(Operation *op, const Domain &tokens) {
    OpBuilder b(op);
    if (auto linear = dyn_cast<pg::LinearOp>(op)) {
      if (Value x = getUnreshaped(b, linear.getX(), tokens))
        replace(b, op, pg::LinearOp::create(b, op->getLoc(), x, linear.getW()));
    } else if (auto matmul = dyn_cast<pg::MatmulOp>(op)) {
      if (matmul.getTransposeA() ||
          pg::getTensorType(matmul.getB()).getRank() != 2)
        return;
      if (Value a = getUnreshaped(b, matmul.getA(), tokens))
        replace(b, op,
                pg::MatmulOp::create(b, op->getLoc(), a, matmul.getB(), false,
                                     matmul.getTransposeB()));
    }
  }

  static void replace(OpBuilder &b, Operation *op, Value product) {
    ArrayRef<int64_t> shape = pg::getTensorType(op->getResult(0)).getShape();
    op->getResult(0).replaceAllUsesWith(
        pg::ReshapeOp::create(b, op->getLoc(), product, shape));
    op->erase();
  }
};

} // namespace
} // namespace pgc
