// Arithmetic of numbers that are known when compiling. Integers have 64 bits
// and never wrap; what has no value (1 / 0, sqrt(-1)) is an error.
#pragma once

#include "compiler/frontend/Value.h"

namespace pgc {

/// A number, or why there is none ("the integer overflows").
struct NumberResult {
  std::optional<Value> value;
  std::string error;
  NumberResult(Value v) : value(std::move(v)) {}
  static NumberResult failure(std::string why) {
    NumberResult r;
    r.error = std::move(why);
    return r;
  }

private:
  NumberResult() = default;
};

/// + - * / // % ^ and comparisons, of two numbers. Comparisons give 1 or 0;
/// the result of / is a float; // and % round down; an integer to a negative
/// power is a float.
NumberResult computeBinary(ast::BinaryOp op, const Value &a, const Value &b);

/// -a.
NumberResult computeNegation(const Value &a);

/// abs sqrt exp log tanh sigmoid cos floor round. abs, floor and round of an
/// integer are integers; round takes halves to even.
NumberResult computeUnary(llvm::StringRef word, const Value &a);

/// The smaller or the larger; an integer if both are.
Value computeMinMax(bool max, const Value &a, const Value &b);

/// Drops the fraction.
NumberResult computeInt(const Value &a);

/// Whether a number counts as true: it is not 0.
inline bool isTrue(const Value &number) { return number.asDouble() != 0; }

/// Product of sizes, or nothing if it is beyond 2^40 elements.
std::optional<int64_t> countElements(llvm::ArrayRef<Dim> dims);

} // namespace pgc
