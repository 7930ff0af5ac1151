#include "compiler/frontend/Arithmetic.h"
#include <cmath>
#include <optional>

namespace pgc {

using ast::BinaryOp;

static NumberResult finite(double value) {
  if (std::isnan(value))
    return NumberResult::failure("the result is not a number");
  if (std::isinf(value))
    return NumberResult::failure("the result is too large for a float");
  return Value::number(value);
}

static NumberResult overflow() {
  return NumberResult::failure(
      "the result does not fit into an integer of 64 bits");
}

static NumberResult integerPower(int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (int64_t square = base; exponent > 0;) {
    if ((exponent & 1) && __builtin_mul_overflow(result, square, &result))
      return overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(square, square, &square))
      return overflow();
  }
  return Value::integer(result);
}

/// A comparison of two numbers of one kind: 1 or 0; nothing if `op` is none.
template <typename Number>
static std::optional<Value> compare(BinaryOp op, Number a, Number b) {
  switch (op) {
  case BinaryOp::Equal:
    return Value::integer(a == b);
  case BinaryOp::NotEqual:
    return Value::integer(a != b);
  case BinaryOp::Less:
    return Value::integer(a < b);
  case BinaryOp::LessEqual:
    return Value::integer(a <= b);
  case BinaryOp::Greater:
    return Value::integer(a > b);
  case BinaryOp::GreaterEqual:
    return Value::integer(a >= b);
  default:
    return std::nullopt;
  }
}

static NumberResult computeIntegers(BinaryOp op, int64_t a, int64_t b) {
  if (std::optional<Value> order = compare(op, a, b))
    return *order;
  int64_t r = 0;
  switch (op) {
  case BinaryOp::Add:
    if (__builtin_add_overflow(a, b, &r))
      return overflow();
    return Value::integer(r);
  case BinaryOp::Subtract:
    if (__builtin_sub_overflow(a, b, &r))
      return overflow();
    return Value::integer(r);
  case BinaryOp::Multiply:
    if (__builtin_mul_overflow(a, b, &r))
      return overflow();
    return Value::integer(r);
  case BinaryOp::FloorDivide:
  case BinaryOp::Modulo: {
    if (a == INT64_MIN && b == -1)
      return op == BinaryOp::Modulo ? NumberResult(Value::integer(0))
                                    : overflow();
    int64_t quotient = a / b, rest = a % b;
    if (rest != 0 && (rest < 0) != (b < 0)) {
      --quotient;
      rest += b;
    }
    return Value::integer(op == BinaryOp::Modulo ? rest : quotient);
  }
  case BinaryOp::Power:
    return integerPower(a, b);
  default:
    llvm_unreachable("not of integers");
  }
}

static NumberResult computeFloats(BinaryOp op, double a, double b) {
  if (std::optional<Value> order = compare(op, a, b))
    return *order;
  switch (op) {
  case BinaryOp::Add:
    return finite(a + b);
  case BinaryOp::Subtract:
    return finite(a - b);
  case BinaryOp::Multiply:
    return finite(a * b);
  case BinaryOp::Divide:
    return finite(a / b);
  case BinaryOp::FloorDivide:
    return finite(std::floor(a / b));
  case BinaryOp::Modulo:
    return finite(a - std::floor(a / b) * b);
  case BinaryOp::Power:
    return finite(std::pow(a, b));
  default:
    llvm_unreachable("not of numbers");
  }
}

NumberResult computeBinary(BinaryOp op, const Value &a, const Value &b) {
  bool divides = op == BinaryOp::Divide || op == BinaryOp::FloorDivide ||
                 op == BinaryOp::Modulo;
  if (divides && b.asDouble() == 0)
    return NumberResult::failure("division by zero");
  if (op == BinaryOp::Power && a.asDouble() == 0 && b.asDouble() < 0)
    return NumberResult::failure("division by zero");
  bool integers = a.isInteger() && b.isInteger() && op != BinaryOp::Divide &&
                  !(op == BinaryOp::Power && b.asInteger() < 0);
  if (integers)
    return computeIntegers(op, a.asInteger(), b.asInteger());
  return computeFloats(op, a.asDouble(), b.asDouble());
}

NumberResult computeNegation(const Value &a) {
  if (!a.isInteger())
    return Value::number(-a.asDouble());
  if (a.asInteger() == INT64_MIN)
    return overflow();
  return Value::integer(-a.asInteger());
}

NumberResult computeUnary(llvm::StringRef word, const Value &a) {
  if (a.isInteger() && (word == "floor" || word == "round"))
    return a;
  if (a.isInteger() && word == "abs")
    return a.asInteger() < 0 ? computeNegation(a) : NumberResult(a);
  double x = a.asDouble();
  if (word == "abs")
    return finite(std::fabs(x));
  if (word == "sqrt")
    return x < 0 ? NumberResult::failure("the square root of " + describe(a))
                 : finite(std::sqrt(x));
  if (word == "exp")
    return finite(std::exp(x));
  if (word == "log")
    return x <= 0 ? NumberResult::failure("the logarithm of " + describe(a))
                  : finite(std::log(x));
  if (word == "tanh")
    return finite(std::tanh(x));
  if (word == "sigmoid")
    return finite(1 / (1 + std::exp(-x)));
  if (word == "cos")
    return finite(std::cos(x));
  if (word == "floor")
    return finite(std::floor(x));
  if (word == "round")
    return finite(std::nearbyint(x));
  llvm_unreachable("not an elementwise word");
}

Value computeMinMax(bool max, const Value &a, const Value &b) {
  bool second = max ? b.asDouble() > a.asDouble() : b.asDouble() < a.asDouble();
  if (a.isInteger() && b.isInteger())
    second =
        max ? b.asInteger() > a.asInteger() : b.asInteger() < a.asInteger();
  const Value &r = second ? b : a;
  if (a.isInteger() == b.isInteger())
    return r;
  return Value::number(r.asDouble());
}

NumberResult computeInt(const Value &a) {
  if (a.isInteger())
    return a;
  double x = std::trunc(a.asDouble());
  if (!(x >= -9223372036854775808.0 && x < 9223372036854775808.0))
    return overflow();
  return Value::integer(int64_t(x));
}

std::optional<int64_t> countElements(llvm::ArrayRef<Dim> dims) {
  int64_t n = 1;
  for (const Dim &d : dims)
    if (__builtin_mul_overflow(n, d.size, &n) || n > (int64_t(1) << 40))
      return std::nullopt;
  return n;
}

} // namespace pgc
