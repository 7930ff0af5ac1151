#include "compiler/frontend/Evaluator.h"

namespace pgc {

using namespace ast;
using Values = std::vector<Value>;

/// Elements that a list may have: language.md section 12.
static constexpr size_t maxList = 65'536;

Value Evaluator::evaluate(const Expr &expr, Scope &scope) {
  if (!enter(expr.range))
    return Value();
  const Expr *outer = std::exchange(current, &expr);
  Value value = evaluateNode(expr, scope);
  current = outer;
  leave();
  return value;
}

Value Evaluator::evaluateNode(const Expr &expr, Scope &scope) {
  switch (expr.kind()) {
  case Expr::Kind::Integer:
    return Value::integer(llvm::cast<Integer>(expr).value);
  case Expr::Kind::Float:
    return Value::number(llvm::cast<Float>(expr).value);
  case Expr::Kind::String: {
    auto text = format(llvm::cast<String>(expr), scope);
    return text ? Value::string(std::move(*text)) : Value();
  }
  case Expr::Kind::Name:
    return lookup(llvm::cast<Name>(expr).text, expr.range, scope);
  case Expr::Kind::List:
    return evaluateList(llvm::cast<ast::List>(expr), scope);
  case Expr::Kind::Comprehension:
    return evaluateComprehension(llvm::cast<Comprehension>(expr), scope);
  case Expr::Kind::Unary: {
    auto &unary = llvm::cast<Unary>(expr);
    Value value = evaluate(*unary.operand, scope);
    return unary.op == UnaryOp::Negate ? negate(value, expr.range)
                                       : evaluateNot(value, expr.range);
  }
  case Expr::Kind::Binary: {
    auto &e = llvm::cast<Binary>(expr);
    if (e.op == BinaryOp::And || e.op == BinaryOp::Or)
      return evaluateLogic(e, scope);
    Value a = evaluate(*e.left, scope);
    Value b = evaluate(*e.right, scope);
    return binary(e.op, a, b, e);
  }
  case Expr::Kind::Range:
    return evaluateRange(llvm::cast<Range>(expr), scope);
  case Expr::Kind::Conditional:
    return evaluateConditional(llvm::cast<Conditional>(expr), scope);
  case Expr::Kind::Call:
    return evaluateCall(llvm::cast<Call>(expr), scope);
  case Expr::Kind::Index:
    return index(llvm::cast<Index>(expr), scope);
  case Expr::Kind::Ellipsis:
    return error(expr.range, "'...' can stand in a shape or an index only");
  }
  return Value();
}

std::optional<std::string> Evaluator::format(const String &text, Scope &scope) {
  std::string result;
  for (const String::Piece &piece : text.pieces) {
    if (!piece.isName) {
      result += piece.text;
      continue;
    }
    Value value = lookup(piece.text, piece.range, scope);
    if (value.isPoison())
      return std::nullopt;
    if (value.isStep() || value.isTensor()) {
      notKnown(piece.range, value, "what a string names");
      return std::nullopt;
    }
    if (value.isString())
      result += value.asString();
    else if (value.isNumber())
      result += describe(value);
    else {
      error(piece.range, "'" + piece.text + "' is " + value.kindName().str() +
                             "; a string takes numbers and strings");
      return std::nullopt;
    }
  }
  return result;
}

Value Evaluator::evaluateList(const ast::List &expr, Scope &scope) {
  Values values;
  bool poisoned = false;
  for (const ExprPtr &element : expr.elements) {
    if (llvm::isa<Ellipsis>(*element)) {
      // Only `reshape` reads it: see there.
      return error(element->range, "'...' can stand in the shape that "
                                   "'reshape' is given, or in a pattern");
    }
    values.push_back(evaluate(*element, scope));
    poisoned |= values.back().isPoison();
  }
  return poisoned ? Value() : Value::list(std::move(values));
}

Value Evaluator::evaluateComprehension(const Comprehension &expr,
                                       Scope &scope) {
  Value list = evaluate(*expr.list, scope);
  if (list.isPoison())
    return Value();
  if (!list.isList()) {
    if (list.isStep())
      return notKnown(expr.list->range, list, "a list");
    return error(expr.list->range,
                 "'for' goes over a list; this is " + list.kindName().str());
  }
  Values values;
  bool poisoned = false;
  for (const Value &element : list.asList()) {
    Scope &inner = newScope(&scope);
    inner.set(expr.variable.text, element);
    values.push_back(evaluate(*expr.element, inner));
    poisoned |= values.back().isPoison();
    if (stopped() || fuel < 0)
      return Value();
  }
  return poisoned ? Value() : Value::list(std::move(values));
}

Value Evaluator::evaluateRange(const Range &expr, Scope &scope) {
  Value begin = evaluate(*expr.begin, scope);
  if (!expr.end)
    return error(expr.range, "a range without an end can only be an index");
  Value end = evaluate(*expr.end, scope);
  auto a = requireInteger(begin, expr.begin->range, "the start of a range");
  auto b = requireInteger(end, expr.end->range, "the end of a range");
  if (!a || !b)
    return Value();
  if (*a > *b)
    return error(expr.opRange, "the range " + std::to_string(*a) + ".." +
                                   std::to_string(*b) + " runs backwards")
        .defines(expr);
  int64_t count;
  if (__builtin_sub_overflow(*b, *a, &count) || count > int64_t(maxList))
    return error(expr.opRange,
                 "a list of more than " + std::to_string(maxList) + " elements")
        .defines(expr);
  Values values;
  for (int64_t i = *a; i < *b; ++i)
    values.push_back(Value::integer(i));
  return Value::list(std::move(values));
}

Value Evaluator::evaluateConditional(const Conditional &expr, Scope &scope) {
  Value c = evaluate(*expr.condition, scope);
  if (c.isPoison())
    return Value();
  if (c.isNumber())
    return evaluate(isTrue(c) ? *expr.thenValue : *expr.elseValue, scope);
  if (!c.isStep() && !c.isTensor())
    return error(expr.condition->range,
                 "a condition is a number; this is " + c.kindName().str());
  Value a = evaluate(*expr.thenValue, scope);
  Value b = evaluate(*expr.elseValue, scope);
  if (a.isPoison() || b.isPoison())
    return Value();
  return select(c, a, b, expr.range);
}

Value Evaluator::evaluateNot(const Value &value, SourceRange range) {
  if (value.isPoison())
    return Value();
  if (value.isNumber())
    return Value::integer(!isTrue(value));
  if (value.isStep()) {
    StepGraph &g = session.steps;
    return Value::step(
        g.get(StepExpr::Op::Equal, value.asStep(), g.constant(0)));
  }
  if (value.isTensor())
    return error(range, "'not' is for numbers").help("compare a mask with 0");
  return error(range, "'not' of " + value.kindName().str());
}

// `and` and `or`: the right side is evaluated only if it matters.
Value Evaluator::evaluateLogic(const Binary &expr, Scope &scope) {
  bool isAnd = expr.op == BinaryOp::And;
  StepGraph &g = session.steps;
  auto check = [&](const Value &v, SourceRange range) {
    if (v.isPoison() || v.isNumber() || v.isStep())
      return !v.isPoison();
    Report report =
        error(range, "'" + std::string(spelling(expr.op)) +
                         "' is for numbers; this is " + v.kindName().str());
    if (v.isTensor())
      report.help(isAnd ? "masks multiply: a * b"
                        : "for masks, write max(a, b)");
    return false;
  };
  Value a = evaluate(*expr.left, scope);
  if (!check(a, expr.left->range))
    return Value();
  if (a.isNumber() && isTrue(a) != isAnd)
    return Value::integer(!isAnd);
  Value b = evaluate(*expr.right, scope);
  if (!check(b, expr.right->range))
    return Value();
  if (a.isNumber() && b.isNumber())
    return Value::integer(isTrue(b));
  if (b.isNumber() && isTrue(b) != isAnd)
    return Value::integer(!isAnd);
  if (a.isNumber())
    return Value::step(g.truth(b.asStep()));
  if (b.isNumber())
    return Value::step(g.truth(a.asStep()));
  const StepExpr *x = g.truth(a.asStep()), *y = g.truth(b.asStep());
  const StepExpr *one = g.constant(1), *zero = g.constant(0);
  using Op = StepExpr::Op;
  return Value::step(isAnd ? g.get(Op::Select, x, y, zero)
                           : g.get(Op::Select, x, one, y));
}

Value Evaluator::evaluateCall(const Call &expr, Scope &scope) {
  Value callee = evaluate(*expr.callee, scope);
  std::vector<Actual> actuals;
  bool reshapes = callee.isFunction() &&
                  callee.asFunction().kind == Function::Kind::Word &&
                  callee.asFunction().word->name == "reshape";
  for (const Argument &argument : expr.arguments) {
    auto *list = llvm::dyn_cast<ast::List>(argument.value.get());
    Value value;
    if (reshapes && list && !list->elements.empty() &&
        llvm::isa<Ellipsis>(*list->elements[0])) {
      // [..., a, b]: marked by a string in front of the sizes.
      Values sizes{Value::string("...")};
      bool poisoned = false;
      for (size_t i = 1; i < list->elements.size(); ++i) {
        sizes.push_back(evaluate(*list->elements[i], scope));
        poisoned |= sizes.back().isPoison();
      }
      value = poisoned ? Value() : Value::list(std::move(sizes));
    } else {
      value = evaluate(*argument.value, scope);
    }
    actuals.push_back(
        {argument.name.text, std::move(value), argument.value->range});
  }
  if (callee.isPoison())
    return Value();
  return call(callee, std::move(actuals), expr.range, expr.callee->range);
}

std::optional<bool> Evaluator::condition(const Value &value, SourceRange range,
                                         std::string what, std::string help) {
  if (value.isNumber())
    return isTrue(value);
  if (value.isStep() || value.isTensor())
    notKnown(range, value, std::move(what), std::move(help));
  else if (!value.isPoison())
    error(range, what + " is a number; this is " + value.kindName().str());
  return std::nullopt;
}

std::optional<int64_t> Evaluator::requireInteger(const Value &value,
                                                 SourceRange range,
                                                 std::string what) {
  if (value.isInteger())
    return value.asInteger();
  if (value.isStep() || value.isTensor())
    notKnown(range, value, std::move(what));
  else if (value.isFloat())
    error(range, what + " must be an integer; this is " + describe(value))
        .help("int(x) drops the fraction; // divides integers");
  else if (!value.isPoison())
    error(range,
          what + " must be an integer; this is " + value.kindName().str());
  return std::nullopt;
}

std::optional<double> Evaluator::requireNumber(const Value &value,
                                               SourceRange range,
                                               std::string what) {
  if (value.isNumber())
    return value.asDouble();
  if (value.isStep() || value.isTensor())
    notKnown(range, value, std::move(what));
  else if (!value.isPoison())
    error(range, what + " must be a number; this is " + value.kindName().str());
  return std::nullopt;
}

std::optional<Dims> Evaluator::requireShape(const Value &value,
                                            SourceRange range, std::string what,
                                            const Expr *expr) {
  if (value.isPoison())
    return std::nullopt;
  if (!value.isList()) {
    error(range,
          what + " is a list of sizes; this is " + value.kindName().str());
    return std::nullopt;
  }
  auto *literal = expr ? llvm::dyn_cast<ast::List>(expr) : nullptr;
  Dims dims;
  for (auto [i, size] : llvm::enumerate(value.asList())) {
    const Expr *part = literal && literal->elements.size() > i
                           ? literal->elements[i].get()
                           : nullptr;
    SourceRange place = part ? part->range : range;
    auto n = requireInteger(size, place, "a size");
    if (!n)
      return std::nullopt;
    if (*n < 1) {
      Report report = error(place, "a size of " + std::to_string(*n) +
                                       ": sizes are at least 1");
      if (part)
        report.defines(*part);
      else if (expr)
        report.defines(*expr);
      return std::nullopt;
    }
    dims.push_back({*n, size.name()});
  }
  if (dims.size() > 4) {
    error(range,
          "a tensor has at most 4 axes, not " + std::to_string(dims.size()));
    return std::nullopt;
  }
  if (!countElements(dims)) {
    error(range, what + " " + describe(dims) + " holds more than 2^40 elements")
        .defines(dims);
    return std::nullopt;
  }
  return dims;
}

} // namespace pgc
