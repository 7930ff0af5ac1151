// Elementwise words: of numbers, step values and tensors.
#include "compiler/frontend/Words.h"

namespace pgc {

using ast::BinaryOp;
using Op = StepExpr::Op;

static const StepExpr *stepUnary(StepGraph &g, llvm::StringRef word,
                                 const StepExpr *x) {
  if (word == "sigmoid")
    return g.sigmoid(x);
  Op op = llvm::StringSwitch<Op>(word)
              .Case("abs", Op::Abs)
              .Case("sqrt", Op::Sqrt)
              .Case("exp", Op::Exp)
              .Case("log", Op::Log)
              .Case("tanh", Op::Tanh)
              .Case("cos", Op::Cos)
              .Case("floor", Op::Floor)
              .Case("round", Op::Round)
              .Default(Op::Neg);
  return g.get(op, x);
}

static mlir::Value emitUnary(mlir::OpBuilder &b, mlir::Location loc,
                             llvm::StringRef word, mlir::Value x) {
  if (word == "abs")
    return pg::AbsOp::create(b, loc, x);
  if (word == "sqrt")
    return pg::SqrtOp::create(b, loc, x);
  if (word == "exp")
    return pg::ExpOp::create(b, loc, x);
  if (word == "log")
    return pg::LogOp::create(b, loc, x);
  if (word == "tanh")
    return pg::TanhOp::create(b, loc, x);
  if (word == "sigmoid")
    return pg::SigmoidOp::create(b, loc, x);
  if (word == "cos")
    return pg::CosOp::create(b, loc, x);
  if (word == "floor")
    return pg::FloorOp::create(b, loc, x);
  return pg::RoundOp::create(b, loc, x);
}

static Value unary(Evaluator &ev, const WordCall &c) {
  const Value &x = c.values[0];
  if (x.isNumber()) {
    NumberResult result = computeUnary(c.word, x);
    if (result.value)
      return *result.value;
    return ev.error(c.range, c.word.str() + ": " + result.error);
  }
  if (x.isStep())
    return Value::step(stepUnary(ev.session.steps, c.word, x.asStep()));
  if (!x.isTensor())
    return ev.error(c.ranges[0], c.word.str() + " of " + x.kindName().str());
  const Tensor &t = x.asTensor();
  bool whole = c.word == "floor" || c.word == "round" || c.word == "abs";
  if (whole && t.element != Element::Float) {
    Tensor i = ev.convert(t, Element::Integer, c.range);
    if (c.word != "abs")
      return Value::tensor(i);
    return ev.wrap(pg::AbsOp::create(ev.builder, ev.location(c.range),
                                     ev.load(i, c.range)),
                   i.dims, Element::Integer);
  }
  Tensor f = ev.convert(t, Element::Float, c.range);
  return ev.wrap(
      emitUnary(ev.builder, ev.location(c.range), c.word, ev.load(f, c.range)),
      f.dims);
}

static bool isPlain(const Value &v) { return v.isNumber() || v.isStep(); }

static const StepExpr *asStep(StepGraph &g, const Value &v) {
  return v.isStep() ? v.asStep() : g.constant(v.asDouble());
}

static Value extremum(Evaluator &ev, bool max, const Value &a, const Value &b,
                      SourceRange range) {
  if (a.isNumber() && b.isNumber())
    return computeMinMax(max, a, b);
  if (isPlain(a) && isPlain(b)) {
    StepGraph &g = ev.session.steps;
    return Value::step(
        g.get(max ? Op::Max : Op::Min, asStep(g, a), asStep(g, b)));
  }
  return ev.minMax(max, a, b, range);
}

static Value minMax(Evaluator &ev, const WordCall &c) {
  return extremum(ev, c.word == "max", c.values[0], c.values[1], c.range);
}

static Value clamp(Evaluator &ev, const WordCall &c) {
  const Value &x = c.values[0], &lo = c.values[1], &hi = c.values[2];
  if (lo.isNumber() && hi.isNumber() && lo.asDouble() > hi.asDouble())
    return ev.error(c.range, "clamp: lo (" + describe(lo) + ") is above hi (" +
                                 describe(hi) + ")");
  if (x.isTensor() && lo.isNumber() && hi.isNumber() &&
      x.asTensor().element == Element::Float) {
    const Tensor &t = x.asTensor();
    return ev.wrap(pg::ClampOp::create(
                       ev.builder, ev.location(c.range), ev.load(t, c.range),
                       ev.builder.getF64FloatAttr(lo.asDouble()),
                       ev.builder.getF64FloatAttr(hi.asDouble())),
                   t.dims);
  }
  Value low = extremum(ev, true, x, lo, c.range);
  if (low.isPoison())
    return Value();
  return extremum(ev, false, low, hi, c.range);
}

static Value leakyRelu(Evaluator &ev, const WordCall &c) {
  const Value &x = c.values[0], &slope = c.values[1];
  if (isPlain(x) && isPlain(slope)) {
    if (x.isNumber() && slope.isNumber())
      return Value::number(x.asDouble() *
                           (x.asDouble() > 0 ? 1 : slope.asDouble()));
    StepGraph &g = ev.session.steps;
    const StepExpr *s = asStep(g, x);
    return Value::step(g.get(Op::Select, g.get(Op::Less, g.constant(0), s), s,
                             g.get(Op::Mul, s, asStep(g, slope))));
  }
  auto t = ev.toTensor(x, Element::Float, c.ranges[0], "leaky_relu");
  if (!t)
    return Value();
  if (slope.isNumber())
    return ev.wrap(pg::LeakyReluOp::create(
                       ev.builder, ev.location(c.range), ev.load(*t, c.range),
                       ev.builder.getF64FloatAttr(slope.asDouble())),
                   t->dims);
  Value scaled = ev.elementwise(BinaryOp::Multiply, x, slope, c.range, "*");
  Value positive =
      ev.elementwise(BinaryOp::Greater, x, Value::number(0), c.range, ">");
  if (scaled.isPoison() || positive.isPoison())
    return Value();
  return ev.select(positive, x, scaled, c.range);
}

static Value lerp(Evaluator &ev, const WordCall &c) {
  const Value &a = c.values[0], &b = c.values[1], &t = c.values[2];
  if (isPlain(a) && isPlain(b) && isPlain(t)) {
    if (a.isNumber() && b.isNumber() && t.isNumber())
      return Value::number(a.asDouble() +
                           t.asDouble() * (b.asDouble() - a.asDouble()));
    StepGraph &g = ev.session.steps;
    const StepExpr *x = asStep(g, a), *y = asStep(g, b), *f = asStep(g, t);
    return Value::step(
        g.get(Op::Add, x, g.get(Op::Mul, f, g.get(Op::Sub, y, x))));
  }
  std::optional<Tensor> tensors[3];
  for (int i = 0; i < 3; ++i) {
    tensors[i] = ev.toTensor(c.values[i], Element::Float, c.ranges[i], "lerp");
    if (!tensors[i])
      return Value();
  }
  auto dims =
      ev.broadcast({&*tensors[0], &*tensors[1], &*tensors[2]}, c.range, "lerp");
  if (!dims)
    return Value();
  mlir::Value from = ev.load(*tensors[0], c.range),
              to = ev.load(*tensors[1], c.range),
              part = ev.load(*tensors[2], c.range);
  mlir::Location loc = ev.location(c.range);
  // The gate of a skip has a name of its own.
  if (auto gate = part.getDefiningOp<pg::SigmoidOp>())
    return ev.wrap(
        pg::SkipGateOp::create(ev.builder, loc, to, from, gate.getX()), *dims);
  return ev.wrap(pg::LerpOp::create(ev.builder, loc, from, to, part), *dims);
}

static Value exclusiveOr(Evaluator &ev, const WordCall &c) {
  const Value &a = c.values[0], &b = c.values[1];
  if (a.isInteger() && b.isInteger())
    return Value::integer(a.asInteger() ^ b.asInteger());
  for (int i = 0; i < 2; ++i)
    if (!c.values[i].isInteger() && !c.values[i].isTensor())
      return ev.error(c.ranges[i], "xor takes integers; this is " +
                                       c.values[i].kindName().str());
  auto x = ev.toTensor(a, Element::Integer, c.ranges[0], "xor");
  auto y = ev.toTensor(b, Element::Integer, c.ranges[1], "xor");
  if (!x || !y)
    return Value();
  auto dims = ev.broadcast({&*x, &*y}, c.range, "xor");
  if (!dims)
    return Value();
  mlir::Value left = ev.load(*x, c.range), right = ev.load(*y, c.range);
  return ev.wrap(
      pg::XorOp::create(ev.builder, ev.location(c.range), left, right), *dims,
      Element::Integer);
}

llvm::ArrayRef<Word> mathWords() {
  static const Word words[] = {
      {"abs", "x", unary},          {"sqrt", "x", unary},
      {"exp", "x", unary},          {"log", "x", unary},
      {"tanh", "x", unary},         {"sigmoid", "x", unary},
      {"cos", "x", unary},          {"floor", "x", unary},
      {"round", "x", unary},        {"min", "a, b", minMax},
      {"max", "a, b", minMax},      {"clamp", "x, lo, hi", clamp},
      {"lerp", "a, b, t", lerp},    {"leaky_relu", "x, slope", leakyRelu},
      {"xor", "a, b", exclusiveOr},
  };
  return words;
}

} // namespace pgc
