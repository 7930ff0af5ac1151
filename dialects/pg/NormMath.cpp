#include "dialects/pg/NormMath.h"

using namespace mlir;
using namespace pg;

Value pg::buildSquares(ImplicitLocOpBuilder &b, Value x,
                       ArrayRef<int64_t> axes) {
  return buildSum(b, MulOp::create(b, x, x), axes);
}

Value pg::buildMean(ImplicitLocOpBuilder &b, Value x, ArrayRef<int64_t> axes) {
  return buildScaled(b, buildSum(b, x, axes), 1.0 / countAlong(x, axes));
}

Value pg::buildRmsScale(ImplicitLocOpBuilder &b, Value x) {
  int64_t axis = lastAxis(x);
  Value mean =
      buildScaled(b, buildSquares(b, x, axis), 1.0 / countAlong(x, axis));
  return RsqrtOp::create(
      b, AddOp::create(b, mean, buildScalar(b, RmsNormOp::epsilon, x)));
}

VectorNorm pg::buildVectorNorm(ImplicitLocOpBuilder &b, Value x) {
  Value norm = SqrtOp::create(b, buildSquares(b, x, lastAxis(x)));
  return {norm, MaxOp::create(b, norm, buildScalar(b, NormalizeOp::floor, x))};
}

Value pg::buildNormalizeGradient(ImplicitLocOpBuilder &b, VectorNorm norm,
                                 Value y, Value g) {
  Value along = buildSum(b, MulOp::create(b, g, y), lastAxis(y));
  Value free = CompareOp::create(b, Predicate::ge, norm.norm,
                                 buildScalar(b, NormalizeOp::floor, y));
  along = SelectOp::create(b, free, along, buildScalar(b, 0, y));
  return DivOp::create(b, SubOp::create(b, g, MulOp::create(b, y, along)),
                       norm.divisor);
}

Exponentials pg::buildExponentials(ImplicitLocOpBuilder &b, Value x,
                                   int64_t axis) {
  Value top = ReduceOp::create(b, ReduceKind::max, x, axis);
  Value terms = ExpOp::create(b, SubOp::create(b, x, top));
  return {top, terms, buildSum(b, terms, axis)};
}

Value pg::buildLogSumExp(ImplicitLocOpBuilder &b, Value x, int64_t axis) {
  Exponentials parts = buildExponentials(b, x, axis);
  return AddOp::create(b, parts.top, LogOp::create(b, parts.sum));
}

Value pg::buildSoftmax(ImplicitLocOpBuilder &b, Value x, int64_t axis) {
  Exponentials parts = buildExponentials(b, x, axis);
  return MulOp::create(b, parts.terms,
                       DivOp::create(b, buildScalar(b, 1, x), parts.sum));
}

ExclusiveParts pg::buildExclusiveParts(ImplicitLocOpBuilder &b, Value y,
                                       Value v) {
  ArrayRef<int64_t> shape = getTensorType(y).getShape();
  int64_t heads = shape[2], keyHeads = getTensorType(v).getDimSize(2);
  VectorNorm norm = buildVectorNorm(b, v);
  Value n = DivOp::create(b, v, norm.divisor);
  if (heads != keyHeads) {
    y = buildReshape(
        b, y, {shape[0], shape[1], keyHeads, heads / keyHeads, shape[3]});
    n = buildReshape(b, n, {shape[0], shape[1], keyHeads, 1, shape[3]});
  }
  Value dot = buildSum(b, MulOp::create(b, y, n), lastAxis(y));
  return {norm, y, n, dot};
}
