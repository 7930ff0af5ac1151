// What the composites stand for.
#include "dialects/pg/NormMath.h"

using namespace mlir;
using namespace pg;

using Values = SmallVector<Value>;

Values StopGradientOp::decompose(OpBuilder &) { return {getX()}; }

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

Values LeakyReluOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  double slope = getSlope().convertToDouble();
  Value scaled = MulOp::create(b, getX(), buildScalar(b, slope, getX()));
  if (slope >= 0 && slope <= 1)
    return {MaxOp::create(b, getX(), scaled)};
  Value positive =
      CompareOp::create(b, Predicate::gt, getX(), buildScalar(b, 0, getX()));
  return {SelectOp::create(b, positive, getX(), scaled)};
}

Values ClampOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value raised = MaxOp::create(
      b, getX(), buildScalar(b, getLo().convertToDouble(), getX()));
  return {MinOp::create(b, raised,
                        buildScalar(b, getHi().convertToDouble(), getX()))};
}

Values LerpOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value way = SubOp::create(b, getB(), getA());
  return {AddOp::create(b, getA(), MulOp::create(b, getT(), way))};
}

Values SkipGateOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value t = SigmoidOp::create(b, getGate());
  return {LerpOp::create(b, getS(), getX(), t)};
}

Values TanhCapOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  double cap = getCap().convertToDouble();
  return {
      buildScaled(b, TanhOp::create(b, buildScaled(b, getZ(), 1 / cap)), cap)};
}

//===----------------------------------------------------------------------===//
// Norms and statistics
//===----------------------------------------------------------------------===//

Values RmsNormOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  return {MulOp::create(b, getX(), buildRmsScale(b, getX()))};
}

Values NormalizeOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  return {DivOp::create(b, getX(), buildVectorNorm(b, getX()).divisor)};
}

Values MeanOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  return {buildMean(b, getX(), getAxes())};
}

Values NormOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  return {SqrtOp::create(b, buildSquares(b, getX(), getAxes()))};
}

Values StdOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value centred = SubOp::create(b, getX(), buildMean(b, getX(), getAxes()));
  Value variance = buildScaled(b, buildSquares(b, centred, getAxes()),
                               1.0 / (countAlong(getX(), getAxes()) - 1));
  return {SqrtOp::create(b, variance)};
}

Values LogSumExpOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  return {buildLogSumExp(b, getX(), getAxis())};
}

//===----------------------------------------------------------------------===//
// Losses and attention
//===----------------------------------------------------------------------===//

Values TokenNllOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value lse = buildLogSumExp(b, getZ(), lastAxis(getZ()));
  Value nll = SubOp::create(b, lse, PickOp::create(b, getZ(), getIds()));
  return {buildReshape(b, nll, getType().getShape())};
}

Values CrossEntropyOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value nll = TokenNllOp::create(b, getZ(), getIds());
  return {buildReshape(
      b, MeanOp::create(b, nll, allAxes(getTensorType(nll).getRank())), {})};
}

Values XsaOp::decompose(OpBuilder &builder) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  ExclusiveParts parts = buildExclusiveParts(b, getY(), getV());
  Value rest = SubOp::create(b, parts.y, MulOp::create(b, parts.dot, parts.n));
  return {buildReshape(b, rest, getType().getShape())};
}
