// lift-reshapes: products keep the leading axes of their first operand.
#include "compiler/passes/fusion/FusionPasses.h"
#include "dialects/pg/Pg.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_LIFTRESHAPES
#include "compiler/passes/fusion/FusionPasses.h.inc"

namespace {

/// The operand before a reshape that only joins or splits leading axes; null if there is none.
Value getUnreshaped(Value operand) {
  auto reshape = operand.getDefiningOp<pg::ReshapeOp>();
  if (!reshape)
    return nullptr;
  RankedTensorType from = pg::getTensorType(reshape.getX()), to = pg::getTensorType(operand);
  if (from.getRank() < 2 || from.getShape().back() != to.getShape().back())
    return nullptr;
  return reshape.getX();
}

struct LiftReshapesPass : impl::LiftReshapesBase<LiftReshapesPass> {
  using Base::Base;
  void runOnOperation() override {
    getOperation().walk([](Operation *op) {
      OpBuilder b(op);
      if (auto linear = dyn_cast<pg::LinearOp>(op)) {
        if (Value x = getUnreshaped(linear.getX()))
          replace(b, op, pg::LinearOp::create(b, op->getLoc(), x, linear.getW()));
      } else if (auto matmul = dyn_cast<pg::MatmulOp>(op)) {
        if (matmul.getTransposeA() || pg::getTensorType(matmul.getB()).getRank() != 2)
          return;
        if (Value a = getUnreshaped(matmul.getA()))
          replace(b, op, pg::MatmulOp::create(b, op->getLoc(), a, matmul.getB(), false, matmul.getTransposeB()));
      }
    });
  }

  static void replace(OpBuilder &b, Operation *op, Value product) {
    ArrayRef<int64_t> shape = pg::getTensorType(op->getResult(0)).getShape();
    op->getResult(0).replaceAllUsesWith(pg::ReshapeOp::create(b, op->getLoc(), product, shape));
    op->erase();
  }
};

} // namespace
} // namespace pgc
