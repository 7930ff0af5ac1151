#include "compiler/kernels/FloatCode.h"
#include <array>

using namespace mlir;

namespace pgc {

//===----------------------------------------------------------------------===//
// Operations on bits
//===----------------------------------------------------------------------===//

Value FloatCode::toBits(Value x) {
  return arith::BitcastOp::create(k.b, k.loc, bits, x);
}
Value FloatCode::toFloat(Value x) {
  return arith::BitcastOp::create(k.b, k.loc, type, x);
}
Value FloatCode::plus(Value x, Value y) {
  return arith::AddIOp::create(k.b, k.loc, x, y);
}
Value FloatCode::minus(Value x, Value y) {
  return arith::SubIOp::create(k.b, k.loc, x, y);
}
Value FloatCode::left(Value x, int n) {
  return arith::ShLIOp::create(k.b, k.loc, x, i(n));
}
Value FloatCode::right(Value x, int n) {
  return arith::ShRSIOp::create(k.b, k.loc, x, i(n));
}
Value FloatCode::band(Value x, int64_t mask) {
  return arith::AndIOp::create(k.b, k.loc, x, i(mask));
}
Value FloatCode::choose(arith::CmpFPredicate predicate, Value x, Value y,
                        Value yes, Value no) {
  return arith::SelectOp::create(
      k.b, k.loc, arith::CmpFOp::create(k.b, k.loc, predicate, x, y), yes, no);
}

Value FloatCode::polynomial(Value x, ArrayRef<double> c) {
  Value y = f(c.back());
  for (double coefficient : llvm::reverse(c.drop_back()))
    y = k.fma(y, x, f(coefficient));
  return y;
}

//===----------------------------------------------------------------------===//
// Steps of all formats
//===----------------------------------------------------------------------===//

Value FloatCode::power(Value n) {
  return toFloat(left(plus(n, i(format.bias)), format.mantissaBits));
}

std::pair<Value, Value> FloatCode::roundMultiple(Value x, double factor) {
  // Adding 1.5 · 2^mantissaBits leaves the rounded integer in the low bits.
  const int m = format.mantissaBits;
  const int64_t magicBits = (int64_t(format.bias + m) << m) | int64_t(1)
                                                                  << (m - 1);
  Value magic = f(std::ldexp(1.5, m));
  Value shifted = k.fma(x, f(factor), magic);
  Value integer = minus(toBits(shifted), i(magicBits));
  return {integer, arith::SubFOp::create(k.b, k.loc, shifted, magic)};
}

std::pair<Value, Value> FloatCode::reduceExp(Value x) {
  auto [n, whole] = roundMultiple(x, 1.4426950408889634);
  Value r = k.fma(whole, f(-format.ln2High), x);
  r = k.fma(whole, f(-format.ln2Low), r);
  Value p = polynomial(r, format.exponential);
  return {n, k.fma(k.mulf(r, r), p, r)};
}

Value FloatCode::exp(Value x) {
  // Beyond these bounds the result is 0 or infinite anyway; within them two
  // factors 2^n suffice, and denormals come out right.
  x = k.maxf(k.minf(x, f(format.largest)), f(format.smallest));
  auto [n, em1] = reduceExp(x);
  Value half = right(n, 1);
  return k.mulf(k.mulf(k.addf(em1, f(1)), power(half)), power(minus(n, half)));
}

Value FloatCode::tanh(Value x) {
  // tanh|x| = (e^2|x| - 1) / (e^2|x| + 1), from e^t - 1 = 2^n (e^r - 1) +
  // (2^n - 1), which is exact near 0.
  const uint64_t signBit =
      uint64_t(1) << (getElementTypeOrSelf(bits).getIntOrFloatBitWidth() - 1);
  Value sign = band(toBits(x), int64_t(signBit));
  Value t = toFloat(band(toBits(k.addf(x, x)), int64_t(signBit - 1)));
  auto [n, em1] = reduceExp(k.minf(t, f(format.tanhIsOne)));
  Value scale = power(n);
  Value e = k.fma(scale, em1, k.subf(scale, f(1)));
  Value y = k.divf(e, k.addf(e, f(2)));
  return toFloat(arith::OrIOp::create(k.b, k.loc, toBits(y), sign));
}

FloatCode::Split FloatCode::splitExponent(Value x) {
  const int m = format.mantissaBits;
  Value tiny = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::OLT, x,
                                     f(std::ldexp(1, 1 - format.bias)));
  Value scaled = arith::SelectOp::create(k.b, k.loc, tiny,
                                         k.mulf(x, f(std::ldexp(1, m))), x);
  Value correction = arith::SelectOp::create(k.b, k.loc, tiny, f(-m), f(0));
  Value e = right(minus(toBits(scaled), i(format.rootHalf)), m);
  Value mantissa = toFloat(minus(toBits(scaled), left(e, m)));
  Value exponent =
      k.addf(arith::SIToFPOp::create(k.b, k.loc, type, e), correction);
  return {exponent, mantissa};
}

Value FloatCode::logOrSpecial(Value x, Value y) {
  Value infinity = f(std::numeric_limits<double>::infinity());
  y = choose(arith::CmpFPredicate::OLT, x, infinity, y,
             x); // infinity and NaN stay
  y = choose(arith::CmpFPredicate::OEQ, x, f(0), k.negf(infinity), y);
  return choose(arith::CmpFPredicate::OLT, x, f(0),
                f(std::numeric_limits<double>::quiet_NaN()), y);
}

//===----------------------------------------------------------------------===//
// f32
//===----------------------------------------------------------------------===//

/// p of degree 4, the Chebyshev interpolant: relative error 8e-9.
static constexpr double exponential32[] = {
    0.5, 1.666657338e-01, 4.166655011e-02, 8.363773874e-03, 1.392692661e-03};

static constexpr FloatFormat format32 = {
    23,        127,         89.5,           -104.5,
    20,        0.693359375, -2.12194440e-4, exponential32,
    0x3F3504F3};

F32Code::F32Code(KernelBuilder &k, Value x)
    : FloatCode(k, x, k.b.getI32Type(), format32) {}

Value F32Code::log(Value x) {
  // log(1 + z) = z - z²/2 + z³ p(z).
  auto [exponent, m] = splitExponent(x);
  Value z = k.subf(m, f(1)), zz = k.mulf(z, z);
  Value p = polynomial(z, {3.333333071e-01, -2.500030856e-01, 2.000105163e-01,
                           -1.664115637e-01, 1.421419078e-01, -1.299957666e-01,
                           1.262567065e-01, -7.902456750e-02});
  Value y = k.mulf(k.mulf(z, zz), p);
  y = k.fma(exponent, f(format.ln2Low), y);
  y = k.fma(zz, f(-0.5), y);
  y = k.fma(exponent, f(format.ln2High), k.addf(z, y));
  return logOrSpecial(x, y);
}

//===----------------------------------------------------------------------===//
// f64
//===----------------------------------------------------------------------===//

/// 1/2!, 1/3!, …
static constexpr auto exponential64 = [] {
  std::array<double, 13> c{};
  double factorial = 1;
  for (int j = 2; j <= 14; ++j)
    c[size_t(j - 2)] = 1 / (factorial *= j);
  return c;
}();

static constexpr FloatFormat format64 = {52,
                                         1023,
                                         710,
                                         -746,
                                         40,
                                         0.6931471805599453,
                                         2.3190468138462996e-17,
                                         exponential64,
                                         0x3FE6A09E667F3BCD};

F64Code::F64Code(KernelBuilder &k, Value x)
    : FloatCode(k, x, k.b.getI64Type(), format64) {}

Value F64Code::log(Value x) {
  // With s = (m − 1) / (m + 1), log m = 2 s (1 + s²/3 + s⁴/5 + …).
  auto [exponent, m] = splitExponent(x);
  Value s = k.divf(k.subf(m, f(1)), k.addf(m, f(1))), z = k.mulf(s, s);
  SmallVector<double> c;
  for (int j = 3; j <= 23; j += 2)
    c.push_back(2.0 / j);
  Value y = k.mulf(k.mulf(s, z), polynomial(z, c));
  y = k.fma(exponent, f(format.ln2Low), y);
  y = k.addf(k.addf(s, s), y);
  y = k.fma(exponent, f(format.ln2High), y);
  return logOrSpecial(x, y);
}

Value F64Code::sine(Value x, int64_t quarter) {
  // x = n π/2 + r. π/2 in three parts.
  auto [integer, whole] = roundMultiple(x, 0.6366197723675814);
  Value r = k.fma(whole, f(-1.5707963267948966), x);
  r = k.fma(whole, f(-6.123233995736766e-17), r);
  r = k.fma(whole, f(1.4973849048591698e-33), r);
  Value n = plus(integer, i(quarter)), z = k.mulf(r, r);
  SmallVector<double> s, c; // of r - r³/3! …, 1 - r²/2! …
  double factorial = 1;
  for (int j = 2; j <= 19; ++j) {
    factorial *= j;
    (j % 2 ? s : c).push_back((j / 2 % 2 ? -1 : 1) / factorial);
  }
  Value sinR = k.fma(k.mulf(r, z), polynomial(z, s), r);
  Value cosR = k.fma(z, polynomial(z, c), f(1));
  auto bit = [&](int64_t mask) -> Value {
    return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ne,
                                 band(n, mask), i(0));
  };
  Value y = arith::SelectOp::create(k.b, k.loc, bit(1), cosR, sinR);
  return arith::SelectOp::create(k.b, k.loc, bit(2), k.negf(y), y);
}

Value F64Code::pow(Value x, Value y) {
  Value result = exp(k.mulf(y, log(LLVM::FAbsOp::create(k.b, k.loc, x))));
  Value whole = LLVM::RoundEvenOp::create(k.b, k.loc, y);
  Value halves = k.mulf(y, f(0.5));
  Value isEven = arith::CmpFOp::create(
      k.b, k.loc, arith::CmpFPredicate::OEQ,
      LLVM::RoundEvenOp::create(k.b, k.loc, halves), halves);
  Value negative =
      arith::SelectOp::create(k.b, k.loc, isEven, result, k.negf(result));
  negative = choose(arith::CmpFPredicate::OEQ, y, whole, negative,
                    f(std::numeric_limits<double>::quiet_NaN()));
  result = choose(arith::CmpFPredicate::OLT, x, f(0), negative, result);
  result = choose(arith::CmpFPredicate::OEQ, y, f(0), f(1), result);
  return choose(arith::CmpFPredicate::OEQ, x, f(1), f(1), result);
}

} // namespace pgc
