// Gradients of the elementwise operations. g is the gradient of the result y.
#include "dialects/pg/Building.h"

using namespace mlir;
using namespace pg;

using Grads = SmallVectorImpl<Value>;

namespace {
/// The builder with the operation's location, g and a zero to select.
struct Scope {
  ImplicitLocOpBuilder b;
  Value g;
  Scope(Operation *op, OpBuilder &builder, ValueRange resultGrads)
      : b(op->getLoc(), builder), g(resultGrads.front()) {}

  Value number(double value) { return buildScalar(b, value, g); }
  Value mul(Value x, Value y) { return MulOp::create(b, x, y); }
  Value neg(Value x) { return NegOp::create(b, x); }
  /// 1 - x
  Value complement(Value x) { return SubOp::create(b, number(1), x); }
  Value compare(Predicate predicate, Value x, Value y) {
    return CompareOp::create(b, predicate, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return SelectOp::create(b, condition, x, y);
  }
};
} // namespace

void AddOp::buildGradient(OpBuilder &, ValueRange resultGrads, Grads &grads) {
  grads[0] = grads[1] = resultGrads[0];
}

void SubOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  Scope s(*this, builder, resultGrads);
  grads[0] = s.g;
  grads[1] = s.neg(s.g);
}

void MulOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  Scope s(*this, builder, resultGrads);
  grads[0] = s.mul(s.g, getRhs());
  grads[1] = s.mul(s.g, getLhs());
}

void DivOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  Scope s(*this, builder, resultGrads);
  grads[0] = DivOp::create(s.b, s.g, getRhs());
  grads[1] = s.neg(s.mul(grads[0], getResult()));
}

void PowOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  Scope s(*this, builder, resultGrads);
  Value zero = s.number(0);
  Value lower =
      PowOp::create(s.b, getLhs(), SubOp::create(s.b, getRhs(), s.number(1)));
  grads[0] = s.select(s.compare(Predicate::eq, getRhs(), zero), zero,
                      s.mul(s.g, s.mul(getRhs(), lower)));
  grads[1] =
      s.select(s.compare(Predicate::eq, getLhs(), zero), zero,
               s.mul(s.g, s.mul(getResult(), LogOp::create(s.b, getLhs()))));
}

void MaxOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  Scope s(*this, builder, resultGrads);
  Value first = s.compare(Predicate::ge, getLhs(), getRhs());
  grads[0] = s.select(first, s.g, s.number(0));
  grads[1] = s.select(first, s.number(0), s.g);
}

void MinOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  Scope s(*this, builder, resultGrads);
  Value first = s.compare(Predicate::le, getLhs(), getRhs());
  grads[0] = s.select(first, s.g, s.number(0));
  grads[1] = s.select(first, s.number(0), s.g);
}

void NegOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  Scope s(*this, builder, resultGrads);
  grads[0] = s.neg(s.g);
}

void AbsOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  Scope s(*this, builder, resultGrads);
  Value zero = s.number(0);
  Value negative =
      s.select(s.compare(Predicate::lt, getX(), zero), s.neg(s.g), zero);
  grads[0] = s.select(s.compare(Predicate::gt, getX(), zero), s.g, negative);
}

// y = √x: g / (2 y).
void SqrtOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                           Grads &grads) {
  Scope s(*this, builder, resultGrads);
  grads[0] = DivOp::create(s.b, s.mul(s.g, s.number(0.5)), getResult());
}

// y = x^(-1/2): -g y³ / 2.
void RsqrtOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                            Grads &grads) {
  Scope s(*this, builder, resultGrads);
  Value cube = s.mul(s.mul(getResult(), getResult()), getResult());
  grads[0] = s.mul(s.mul(s.g, s.number(-0.5)), cube);
}

void ExpOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  Scope s(*this, builder, resultGrads);
  grads[0] = s.mul(s.g, getResult());
}

void LogOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  Scope s(*this, builder, resultGrads);
  grads[0] = DivOp::create(s.b, s.g, getX());
}

// g (1 - y²).
void TanhOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                           Grads &grads) {
  Scope s(*this, builder, resultGrads);
  grads[0] = s.mul(s.g, s.complement(s.mul(getResult(), getResult())));
}

// g y (1 - y).
void SigmoidOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                              Grads &grads) {
  Scope s(*this, builder, resultGrads);
  grads[0] = s.mul(s.g, s.mul(getResult(), s.complement(getResult())));
}

void CosOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  Scope s(*this, builder, resultGrads);
  grads[0] = s.neg(s.mul(s.g, SinOp::create(s.b, getX())));
}

void SinOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                          Grads &grads) {
  Scope s(*this, builder, resultGrads);
  grads[0] = s.mul(s.g, CosOp::create(s.b, getX()));
}

void F32Op::buildGradient(OpBuilder &, ValueRange resultGrads, Grads &grads) {
  grads[0] = resultGrads[0];
}

void SelectOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                             Grads &grads) {
  Scope s(*this, builder, resultGrads);
  grads[1] = s.select(getCondition(), s.g, s.number(0));
  grads[2] = s.select(getCondition(), s.number(0), s.g);
}

void ConvertOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                              Grads &grads) {
  Type from = getX().getType().getElementType();
  if (isa<FloatType>(from) && isa<FloatType>(getType().getElementType()))
    grads[0] = builder.createOrFold<ConvertOp>(getLoc(), resultGrads[0], from);
}

//===----------------------------------------------------------------------===//
// Composites
//===----------------------------------------------------------------------===//

void LeakyReluOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                                Grads &grads) {
  Scope s(*this, builder, resultGrads);
  Value positive = s.compare(Predicate::gt, getX(), s.number(0));
  grads[0] = s.select(positive, s.g,
                      s.mul(s.g, s.number(getSlope().convertToDouble())));
}

void ClampOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                            Grads &grads) {
  Scope s(*this, builder, resultGrads);
  Value above =
      s.compare(Predicate::ge, getX(), s.number(getLo().convertToDouble()));
  Value below =
      s.compare(Predicate::le, getX(), s.number(getHi().convertToDouble()));
  grads[0] = s.select(AndOp::create(s.b, above, below), s.g, s.number(0));
}

// With t = tanh(z / cap): g (1 - t²). t is that of the forward pass.
void TanhCapOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                              Grads &grads) {
  Scope s(*this, builder, resultGrads);
  Value t = TanhOp::create(
      s.b, buildScaled(s.b, getZ(), 1 / getCap().convertToDouble()));
  grads[0] = s.mul(s.g, s.complement(s.mul(t, t)));
}
