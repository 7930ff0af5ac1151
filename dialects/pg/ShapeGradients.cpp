// Gradients of the operations that move, spread and sum elements.
#include "dialects/pg/Building.h"

using namespace mlir;
using namespace pg;

using Grads = SmallVectorImpl<Value>;

void ReduceOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                             Grads &grads) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value g = resultGrads[0];
  if (getKind() == ReduceKind::sum) {
    grads[0] = buildBroadcast(b, g, getX().getType().getShape());
    return;
  }
  // Equal shares to the elements that attain the maximum.
  Value attains = CompareOp::create(b, Predicate::eq, getX(), getResult());
  Value count = buildSum(
      b, ConvertOp::create(b, attains, getType().getElementType()), getAxes());
  grads[0] = SelectOp::create(b, attains, DivOp::create(b, g, count),
                              buildScalar(b, 0, g));
}

void CumsumOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                             Grads &grads) {
  grads[0] = CumsumOp::create(builder, getLoc(), resultGrads[0], getAxis(),
                              !getReverse());
}

void ShiftOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                            Grads &grads) {
  grads[0] = ShiftOp::create(builder, getLoc(), resultGrads[0], getAxis(),
                             -getAmount());
}

void ReshapeOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                              Grads &grads) {
  grads[0] = ReshapeOp::create(builder, getLoc(), resultGrads[0],
                               getX().getType().getShape());
}

void TransposeOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                                Grads &grads) {
  SmallVector<int64_t> inverse(getPermutation().size());
  for (auto [axis, from] : llvm::enumerate(getPermutation()))
    inverse[from] = axis;
  grads[0] = TransposeOp::create(builder, getLoc(), resultGrads[0], inverse);
}

void SliceOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                            Grads &grads) {
  SmallVector<int64_t> high;
  for (auto [whole, offset, size] :
       llvm::zip_equal(getX().getType().getShape(), getOffsets(), getSizes()))
    high.push_back(whole - offset - size);
  grads[0] =
      PadOp::create(builder, getLoc(), resultGrads[0], getOffsets(), high);
}

void PadOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  grads[0] = SliceOp::create(builder, getLoc(), resultGrads[0], getLow(),
                             getX().getType().getShape());
}

void BroadcastOp::buildGradient(OpBuilder &, ValueRange resultGrads,
                                Grads &grads) {
  grads[0] = resultGrads[0]; // the caller sums
}

void ConcatOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                             Grads &grads) {
  SmallVector<int64_t> offsets(getTensorType(getResult()).getRank(), 0);
  for (auto [i, part] : llvm::enumerate(getParts())) {
    ArrayRef<int64_t> shape = getTensorType(part).getShape();
    grads[i] =
        SliceOp::create(builder, getLoc(), resultGrads[0], offsets, shape);
    offsets.front() += shape.front();
  }
}
