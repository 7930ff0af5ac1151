#include "compiler/frontend/Evaluator.h"

namespace pgc {

using ast::BinaryOp;
using Op = StepExpr::Op;

static const StepExpr *toStep(StepGraph &graph, const Value &value) {
  return value.isStep() ? value.asStep() : graph.constant(value.asDouble());
}

Value Evaluator::stepBinary(BinaryOp op, const Value &a, const Value &b) {
  StepGraph &g = session.steps;
  const StepExpr *x = toStep(g, a), *y = toStep(g, b);
  switch (op) {
  case BinaryOp::Add:
    return Value::step(g.get(Op::Add, x, y));
  case BinaryOp::Subtract:
    return Value::step(g.get(Op::Sub, x, y));
  case BinaryOp::Multiply:
    return Value::step(g.get(Op::Mul, x, y));
  case BinaryOp::Divide:
    return Value::step(g.get(Op::Div, x, y));
  case BinaryOp::FloorDivide:
    return Value::step(g.floorDiv(x, y));
  case BinaryOp::Modulo:
    return Value::step(g.mod(x, y));
  case BinaryOp::Power:
    return Value::step(g.get(Op::Pow, x, y));
  case BinaryOp::Equal:
    return Value::step(g.get(Op::Equal, x, y));
  case BinaryOp::NotEqual:
    return Value::step(g.get(Op::NotEqual, x, y));
  case BinaryOp::Less:
    return Value::step(g.get(Op::Less, x, y));
  case BinaryOp::LessEqual:
    return Value::step(g.get(Op::LessEqual, x, y));
  case BinaryOp::Greater:
    return Value::step(g.get(Op::Less, y, x));
  case BinaryOp::GreaterEqual:
    return Value::step(g.get(Op::LessEqual, y, x));
  default:
    llvm_unreachable("handled elsewhere");
  }
}

/// A draw times or over a number.
static std::optional<Value> scaleDraw(BinaryOp op, const Value &a,
                                      const Value &b) {
  if (a.isDraw() && b.isNumber() &&
      (op == BinaryOp::Multiply ||
       (op == BinaryOp::Divide && b.asDouble() != 0))) {
    Draw d = a.asDraw();
    d.scale = op == BinaryOp::Divide ? d.scale / b.asDouble()
                                     : d.scale * b.asDouble();
    return Value::draw(d);
  }
  if (b.isDraw() && a.isNumber() && op == BinaryOp::Multiply)
    return scaleDraw(op, b, a);
  return std::nullopt;
}

Value Evaluator::binary(BinaryOp op, const Value &a, const Value &b,
                        const ast::Binary &expr) {
  if (a.isPoison() || b.isPoison())
    return Value();
  std::string spelling = ast::spelling(op);
  if (a.isNumber() && b.isNumber() && op != BinaryOp::MatMul) {
    NumberResult result = computeBinary(op, a, b);
    if (result.value)
      return *result.value;
    return error(expr.opRange, "'" + spelling + "' of " + describe(a) +
                                   " and " + describe(b) + ": " + result.error)
        .defines(expr);
  }
  if (a.isList() && b.isList() && op == BinaryOp::Add) {
    List joined = a.asList();
    joined.insert(joined.end(), b.asList().begin(), b.asList().end());
    if (joined.size() > 65'536)
      return error(expr.opRange, "a list of more than 65536 elements")
          .defines(expr);
    return Value::list(std::move(joined));
  }
  if (op == BinaryOp::Multiply && (a.isList() || b.isList()) &&
      (a.isInteger() || b.isInteger())) {
    int64_t times = a.isInteger() ? a.asInteger() : b.asInteger();
    const List &list = a.isList() ? a.asList() : b.asList();
    if (times < 0)
      return error(expr.opRange, "a list cannot be repeated " +
                                     std::to_string(times) + " times")
          .defines(expr);
    if (!list.empty() && times > int64_t(65'536 / list.size()))
      return error(expr.opRange, "a list of more than 65536 elements")
          .defines(expr);
    List repeated;
    if (!list.empty())
      for (int64_t i = 0; i < times; ++i)
        repeated.insert(repeated.end(), list.begin(), list.end());
    return Value::list(std::move(repeated));
  }
  if (op == BinaryOp::Equal || op == BinaryOp::NotEqual)
    if (std::optional<bool> same = equal(a, b))
      return Value::integer(*same == (op == BinaryOp::Equal));
  if (op == BinaryOp::MatMul && a.isTensor() && b.isTensor())
    return matmul(a, b, expr);
  bool numbers = (a.isNumber() || a.isStep()) && (b.isNumber() || b.isStep());
  if (numbers && op != BinaryOp::MatMul)
    return stepBinary(op, a, b);
  auto tensorLike = [](const Value &v) {
    return v.isTensor() || v.isNumber() || v.isStep();
  };
  if (tensorLike(a) && tensorLike(b) && op != BinaryOp::MatMul)
    return elementwise(op, a, b, expr.opRange, spelling);
  if (auto draw = scaleDraw(op, a, b))
    return *draw;
  return error(expr.opRange, "'" + spelling + "' of " + a.kindName().str() +
                                 " and " + b.kindName().str());
}

Value Evaluator::negate(const Value &a, SourceRange range) {
  if (a.isPoison())
    return Value();
  if (a.isNumber()) {
    NumberResult result = computeNegation(a);
    if (result.value)
      return *result.value;
    return error(range, "'-' of " + describe(a) + ": " + result.error);
  }
  if (a.isStep())
    return Value::step(session.steps.get(Op::Neg, a.asStep()));
  if (a.isDraw()) {
    Draw d = a.asDraw();
    d.scale = -d.scale;
    return Value::draw(d);
  }
  if (!a.isTensor())
    return error(range, "'-' of " + a.kindName().str());
  const Tensor &x = a.asTensor();
  Element element = x.element == Element::Truth ? Element::Integer : x.element;
  Tensor t = convert(x, element, range);
  Tensor r{x.dims, element};
  r.value = pg::NegOp::create(builder, location(range), load(t, range));
  if (x.constants) {
    auto negated = std::make_shared<std::vector<double>>(*x.constants);
    for (double &v : *negated)
      v = -v;
    r.constants = negated;
  }
  return Value::tensor(r);
}

} // namespace pgc
