#include "dialects/pg/Building.h"

using namespace mlir;
using namespace pg;

Value pg::buildScalar(ImplicitLocOpBuilder &b, double value, Value like) {
  return ConstantOp::create(b, value, getElementTypeOrSelf(like.getType()));
}

Value pg::buildScaled(ImplicitLocOpBuilder &b, Value value, double factor) {
  return factor == 1.0 ? value
                       : MulOp::create(b, value, buildScalar(b, factor, value));
}

Value pg::buildSum(ImplicitLocOpBuilder &b, Value value,
                   ArrayRef<int64_t> axes) {
  return ReduceOp::create(b, ReduceKind::sum, value, axes);
}

int64_t pg::lastAxis(Value value) { return getTensorType(value).getRank() - 1; }

Value pg::buildReshape(ImplicitLocOpBuilder &b, Value value,
                       ArrayRef<int64_t> shape) {
  return getTensorType(value).getShape() == shape
             ? value
             : ReshapeOp::create(b, value, shape);
}

Value pg::buildBroadcast(ImplicitLocOpBuilder &b, Value value,
                         ArrayRef<int64_t> shape) {
  return getTensorType(value).getShape() == shape
             ? value
             : BroadcastOp::create(b, value, shape);
}

Value pg::buildSumToShape(ImplicitLocOpBuilder &b, Value value,
                          ArrayRef<int64_t> shape) {
  ArrayRef<int64_t> from = getTensorType(value).getShape();
  size_t lead = from.size() - shape.size();
  SmallVector<int64_t> axes;
  for (size_t i = 0; i < from.size(); ++i)
    if (i < lead || (shape[i - lead] == 1 && from[i] != 1))
      axes.push_back(i);
  if (axes.empty())
    return value;
  if (llvm::any_of(axes, [&](int64_t axis) { return from[axis] != 1; }))
    value = buildSum(b, value, axes);
  return buildReshape(b, value, shape);
}

int64_t pg::countAlong(Value value, ArrayRef<int64_t> axes) {
  int64_t count = 1;
  for (int64_t axis : axes)
    count *= getTensorType(value).getDimSize(axis);
  return count;
}
