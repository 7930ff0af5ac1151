// Gradients of norms, statistics, losses and attention, in closed form. g is
// the gradient of the result y.
#include "dialects/pg/NormMath.h"

using namespace mlir;
using namespace pg;

using Grads = SmallVectorImpl<Value>;

namespace {
/// numerator / divisor, and 0 where `divisor` is 0.
Value divideOrZero(ImplicitLocOpBuilder &b, Value numerator, Value divisor) {
  Value zero = buildScalar(b, 0, divisor);
  Value isZero = CompareOp::create(b, Predicate::eq, divisor, zero);
  return SelectOp::create(b, isZero, zero,
                          DivOp::create(b, numerator, divisor));
}
} // namespace

// y = r x: r (g - y mean(g y)).
void RmsNormOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                              Grads &grads) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value g = resultGrads[0];
  Value along = buildMean(b, MulOp::create(b, g, getResult()), lastAxis(g));
  Value across = SubOp::create(b, g, MulOp::create(b, getResult(), along));
  grads[0] = MulOp::create(b, across, buildRmsScale(b, getX()));
}

void NormalizeOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                                Grads &grads) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  grads[0] = buildNormalizeGradient(b, buildVectorNorm(b, getX()), getResult(),
                                    resultGrads[0]);
}

void MeanOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                           Grads &grads) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value share =
      buildScaled(b, resultGrads[0], 1.0 / countAlong(getX(), getAxes()));
  grads[0] = buildBroadcast(b, share, getX().getType().getShape());
}

// x g / y, and 0 where y is 0.
void NormOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                           Grads &grads) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  grads[0] =
      MulOp::create(b, getX(), divideOrZero(b, resultGrads[0], getResult()));
}

// (x - mean) g / ((n - 1) y), and 0 where y is 0.
void StdOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value centred = SubOp::create(b, getX(), buildMean(b, getX(), getAxes()));
  Value share =
      buildScaled(b, resultGrads[0], 1.0 / (countAlong(getX(), getAxes()) - 1));
  grads[0] = MulOp::create(b, centred, divideOrZero(b, share, getResult()));
}

// g softmax(x).
void LogSumExpOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                                Grads &grads) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  grads[0] =
      MulOp::create(b, resultGrads[0], buildSoftmax(b, getX(), getAxis()));
}

// g (softmax(z) - onehot(ids)).
void TokenNllOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                               Grads &grads) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  ArrayRef<int64_t> shape = getZ().getType().getShape();
  int64_t axis = lastAxis(getZ());
  Shape column = reduceShape(shape, axis);
  Value share = buildSoftmax(b, getZ(), axis);
  Value hit =
      CompareOp::create(b, Predicate::eq, IotaOp::create(b, shape, axis),
                        buildReshape(b, getIds(), column));
  Value onehot = ConvertOp::create(b, hit, getZ().getType().getElementType());
  Value g = buildReshape(b, resultGrads[0], column);
  grads[0] = MulOp::create(b, g, SubOp::create(b, share, onehot));
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

void RopeOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                           Grads &grads) {
  grads[0] = RopeOp::create(builder, getLoc(), resultGrads[0], getCos(),
                            getSin(), !getInverse());
}

void AttentionOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                                Grads &grads) {
  Value g = resultGrads[0];
  if (!g)
    return; // only lse has a gradient: `pg.differentiate` refuses that
  auto op = AttentionGradOp::create(builder, getLoc(), getQ(), getK(), getV(),
                                    getO(), getLse(), g, getSegment());
  grads[0] = op.getDQ();
  grads[1] = op.getDK();
  grads[2] = op.getDV();
}

// y - (y·n) n with n = v / max(‖v‖, ε): dy = g - (g·n) n, dn = -((y·n) g +
// (g·n) y), summed over the group.
void XsaOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  ArrayRef<int64_t> yShape = getY().getType().getShape(),
                    vShape = getV().getType().getShape();
  ExclusiveParts parts = buildExclusiveParts(b, getY(), getV());
  Value g = buildReshape(b, resultGrads[0], getTensorType(parts.y).getShape());
  Value along = buildSum(b, MulOp::create(b, g, parts.n), lastAxis(g));
  Value dy = SubOp::create(b, g, MulOp::create(b, along, parts.n));
  grads[0] = buildReshape(b, dy, yShape);

  Value sum = AddOp::create(b, MulOp::create(b, parts.dot, g),
                            MulOp::create(b, along, parts.y));
  Value dn = NegOp::create(
      b, buildSumToShape(b, sum, getTensorType(parts.n).getShape()));
  Value n = buildReshape(b, parts.n, vShape);
  grads[1] =
      buildNormalizeGradient(b, parts.norm, n, buildReshape(b, dn, vShape));
}
