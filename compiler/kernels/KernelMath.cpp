// Arithmetic of emitted kernels: basic operations, conversions, and elementary
// functions as straight vector code.
#include "compiler/kernels/KernelBuilder.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace pgc {

// Multiply-adds may be fused; nothing may be reordered, so that every build of
// a kernel gives the same bits.
static constexpr auto contract = arith::FastMathFlags::contract;

Value KernelBuilder::splat(Value scalar, unsigned lanes) {
  if (lanes == 1)
    return scalar;
  return vector::BroadcastOp::create(
      b, loc, VectorType::get({static_cast<int64_t>(lanes)}, scalar.getType()),
      scalar);
}

Value KernelBuilder::addf(Value x, Value y) {
  return arith::AddFOp::create(b, loc, x, y, contract);
}
Value KernelBuilder::subf(Value x, Value y) {
  return arith::SubFOp::create(b, loc, x, y, contract);
}
Value KernelBuilder::mulf(Value x, Value y) {
  return arith::MulFOp::create(b, loc, x, y, contract);
}
Value KernelBuilder::divf(Value x, Value y) {
  return arith::DivFOp::create(b, loc, x, y);
}
Value KernelBuilder::negf(Value x) { return arith::NegFOp::create(b, loc, x); }
Value KernelBuilder::fma(Value x, Value y, Value z) {
  return LLVM::FMAOp::create(b, loc, x, y, z);
}

Value KernelBuilder::maxf(Value x, Value y) {
  // Written as the one instruction that x86 has: y > x ? y : x.
  return arith::SelectOp::create(
      b, loc, arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, y, x), y,
      x);
}

Value KernelBuilder::minf(Value x, Value y) {
  return arith::SelectOp::create(
      b, loc, arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, y, x), y,
      x);
}

Value KernelBuilder::sqrt(Value x) { return LLVM::SqrtOp::create(b, loc, x); }
Value KernelBuilder::rsqrt(Value x) {
  return divf(constant(x.getType(), 1), sqrt(x));
}

static Type withElement(Type type, Type element) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? VectorType::get(vector.getShape(), element) : element;
}

//===----------------------------------------------------------------------===//
// Elementary functions
//===----------------------------------------------------------------------===//

namespace {

/// Code on the bits of floats, of a vector or a scalar; `element` is as wide.
struct FloatCode {
  KernelBuilder &k;
  Type type, bits;

  FloatCode(KernelBuilder &k, Value x, Type element)
      : k(k), type(x.getType()), bits(withElement(type, element)) {}
  Value f(double value) { return k.constant(type, value); }
  Value i(int64_t value) { return k.integer(bits, value); }
  Value toBits(Value x) {
    return arith::BitcastOp::create(k.b, k.loc, bits, x);
  }
  Value toFloat(Value x) {
    return arith::BitcastOp::create(k.b, k.loc, type, x);
  }
  Value plus(Value x, Value y) {
    return arith::AddIOp::create(k.b, k.loc, x, y);
  }
  Value minus(Value x, Value y) {
    return arith::SubIOp::create(k.b, k.loc, x, y);
  }
  Value left(Value x, int n) {
    return arith::ShLIOp::create(k.b, k.loc, x, i(n));
  }
  Value right(Value x, int n) {
    return arith::ShRSIOp::create(k.b, k.loc, x, i(n));
  }
  Value band(Value x, int64_t mask) {
    return arith::AndIOp::create(k.b, k.loc, x, i(mask));
  }
  Value choose(arith::CmpFPredicate predicate, Value x, Value y, Value yes,
               Value no) {
    return arith::SelectOp::create(
        k.b, k.loc, arith::CmpFOp::create(k.b, k.loc, predicate, x, y), yes,
        no);
  }
  /// c0 + x (c1 + x (c2 + ...)).
  Value polynomial(Value x, ArrayRef<double> c) {
    Value y = f(c.back());
    for (double coefficient : llvm::reverse(c.drop_back()))
      y = k.fma(y, x, f(coefficient));
    return y;
  }
};

/// Of f32.
struct F32Code : FloatCode {
  F32Code(KernelBuilder &k, Value x) : FloatCode(k, x, k.b.getI32Type()) {}

  /// 2^n for -126 <= n <= 127.
  Value power(Value n) { return toFloat(left(plus(n, i(127)), 23)); }

  /// Splits x = n ln 2 + r, |r| <= ln 2 / 2, and gives n (as i32), and e^r - 1
  /// from a polynomial of degree 6: 1 + r + r^2 p(r), p the Chebyshev
  /// interpolant, relative error 8e-9.
  std::pair<Value, Value> reduceExp(Value x) {
    Value magic = f(12582912.0); // 1.5 * 2^23: adding it leaves the rounded
                                 // integer in the low bits
    Value shifted = k.fma(x, f(1.44269504088896341), magic);
    Value n = minus(toBits(shifted), i(0x4B400000));
    Value whole = arith::SubFOp::create(k.b, k.loc, shifted, magic);
    Value r = k.fma(whole, f(-0.693359375), x);
    r = k.fma(whole, f(2.12194440e-4), r);
    Value p = polynomial(r, {0.5, 1.666657338e-01, 4.166655011e-02,
                             8.363773874e-03, 1.392692661e-03});
    return {n, k.fma(k.mulf(r, r), p, r)};
  }

  Value exp(Value x) {
    // Beyond these bounds the result is 0 or infinite anyway; within them two
    // factors 2^n suffice, and denormals come out right.
    x = k.maxf(k.minf(x, f(89.5)), f(-104.5));
    auto [n, em1] = reduceExp(x);
    Value half = right(n, 1);
    return k.mulf(k.mulf(k.addf(em1, f(1)), power(half)),
                  power(minus(n, half)));
  }

  Value tanh(Value x) {
    // tanh|x| = (e^2|x| - 1) / (e^2|x| + 1), from e^t - 1 = 2^n (e^r - 1) +
    // (2^n - 1), which is exact near 0.
    Value sign = band(toBits(x), 0x80000000);
    Value t = toFloat(band(toBits(k.addf(x, x)), 0x7FFFFFFF));
    auto [n, em1] = reduceExp(k.minf(t, f(20)));
    Value scale = power(n);
    Value e = k.fma(scale, em1, k.subf(scale, f(1)));
    Value y = k.divf(e, k.addf(e, f(2)));
    return toFloat(arith::OrIOp::create(k.b, k.loc, toBits(y), sign));
  }

  Value log(Value x) {
    // x = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt 2); log(1 + f) = f - f^2/2 +
    // f^3 p(f), relative error 2e-8.
    Value tiny = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::OLT, x,
                                       f(0x1p-126));
    Value scaled =
        arith::SelectOp::create(k.b, k.loc, tiny, k.mulf(x, f(0x1p23)), x);
    Value correction = arith::SelectOp::create(k.b, k.loc, tiny, f(-23), f(0));
    Value e = right(minus(toBits(scaled), i(0x3F3504F3)), 23);
    Value m = toFloat(minus(toBits(scaled), left(e, 23)));
    Value exponent =
        k.addf(arith::SIToFPOp::create(k.b, k.loc, type, e), correction);
    Value z = k.subf(m, f(1)), zz = k.mulf(z, z);
    Value p =
        polynomial(z, {3.333333071e-01, -2.500030856e-01, 2.000105163e-01,
                       -1.664115637e-01, 1.421419078e-01, -1.299957666e-01,
                       1.262567065e-01, -7.902456750e-02});
    Value y = k.mulf(k.mulf(z, zz), p);
    y = k.fma(exponent, f(-2.12194440e-4), y);
    y = k.fma(zz, f(-0.5), y);
    y = k.fma(exponent, f(0.693359375), k.addf(z, y));
    Value infinity = f(std::numeric_limits<double>::infinity());
    y = choose(arith::CmpFPredicate::OLT, x, infinity, y,
               x); // infinity and NaN stay
    y = choose(arith::CmpFPredicate::OEQ, x, f(0), k.negf(infinity), y);
    return choose(arith::CmpFPredicate::OLT, x, f(0),
                  f(std::numeric_limits<double>::quiet_NaN()), y);
  }
};

/// Of f64, for GPUs, where there is no C library to call. Series are those of
/// Taylor, cut where the next term is below half a unit in the last place;
/// results are within about 2 units.
struct F64Code : FloatCode {
  F64Code(KernelBuilder &k, Value x) : FloatCode(k, x, k.b.getI64Type()) {}

  /// Adding it leaves the rounded integer in the low bits.
  static constexpr double magic = 0x1.8p52;
  static constexpr int64_t magicBits = 0x4338000000000000;

  /// 2^n for -1022 <= n <= 1023.
  Value power(Value n) { return toFloat(left(plus(n, i(1023)), 52)); }

  /// x = n ln 2 + r; n, and e^r - 1.
  std::pair<Value, Value> reduceExp(Value x) {
    Value shifted = k.fma(x, f(1.4426950408889634), f(magic));
    Value n = minus(toBits(shifted), i(magicBits));
    Value whole = arith::SubFOp::create(k.b, k.loc, shifted, f(magic));
    Value r = k.fma(whole, f(-0.6931471805599453), x);
    r = k.fma(whole, f(-2.3190468138462996e-17), r);
    SmallVector<double> c; // 1/2!, 1/3!, …
    double factorial = 1;
    for (int j = 2; j <= 14; ++j)
      c.push_back(1 / (factorial *= j));
    return {n, k.fma(k.mulf(r, r), polynomial(r, c), r)};
  }

  Value exp(Value x) {
    x = k.maxf(k.minf(x, f(710)), f(-746));
    auto [n, em1] = reduceExp(x);
    Value half = right(n, 1);
    return k.mulf(k.mulf(k.addf(em1, f(1)), power(half)),
                  power(minus(n, half)));
  }

  Value tanh(Value x) {
    Value sign = band(toBits(x), INT64_MIN);
    Value t = toFloat(band(toBits(k.addf(x, x)), INT64_MAX));
    auto [n, em1] = reduceExp(k.minf(t, f(40)));
    Value scale = power(n);
    Value e = k.fma(scale, em1, k.subf(scale, f(1)));
    Value y = k.divf(e, k.addf(e, f(2)));
    return toFloat(arith::OrIOp::create(k.b, k.loc, toBits(y), sign));
  }

  Value log(Value x) {
    // x = 2^e m, m in [sqrt(1/2), sqrt 2); with s = (m − 1) / (m + 1),
    // log m = 2 s (1 + s²/3 + s⁴/5 + …).
    Value tiny = arith::CmpFOp::create(k.b, k.loc, arith::CmpFPredicate::OLT, x,
                                       f(0x1p-1022));
    Value scaled =
        arith::SelectOp::create(k.b, k.loc, tiny, k.mulf(x, f(0x1p54)), x);
    Value correction = arith::SelectOp::create(k.b, k.loc, tiny, f(-54), f(0));
    Value e = right(minus(toBits(scaled), i(0x3FE6A09E667F3BCD)), 52);
    Value m = toFloat(minus(toBits(scaled), left(e, 52)));
    Value exponent =
        k.addf(arith::SIToFPOp::create(k.b, k.loc, type, e), correction);
    Value s = k.divf(k.subf(m, f(1)), k.addf(m, f(1))), z = k.mulf(s, s);
    SmallVector<double> c;
    for (int j = 3; j <= 23; j += 2)
      c.push_back(2.0 / j);
    Value y = k.mulf(k.mulf(s, z), polynomial(z, c));
    y = k.fma(exponent, f(2.3190468138462996e-17), y);
    y = k.addf(k.addf(s, s), y);
    y = k.fma(exponent, f(0.6931471805599453), y);
    Value infinity = f(std::numeric_limits<double>::infinity());
    y = choose(arith::CmpFPredicate::OLT, x, infinity, y, x);
    y = choose(arith::CmpFPredicate::OEQ, x, f(0), k.negf(infinity), y);
    return choose(arith::CmpFPredicate::OLT, x, f(0),
                  f(std::numeric_limits<double>::quiet_NaN()), y);
  }

  /// sin(x), or cos(x) with `quarter` 1, for |x| below 2³⁰.
  Value sine(Value x, int64_t quarter) {
    // x = n π/2 + r. π/2 in three parts.
    Value shifted = k.fma(x, f(0.6366197723675814), f(magic));
    Value whole = arith::SubFOp::create(k.b, k.loc, shifted, f(magic));
    Value r = k.fma(whole, f(-1.5707963267948966), x);
    r = k.fma(whole, f(-6.123233995736766e-17), r);
    r = k.fma(whole, f(1.4973849048591698e-33), r);
    Value n = plus(toBits(shifted), i(quarter)), z = k.mulf(r, r);
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

  /// Through the logarithm, so with a relative error of up to |y log x| 2⁻⁵².
  Value pow(Value x, Value y) {
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
};

} // namespace

Value KernelBuilder::exp(Value x) {
  if (getElementType(x.getType()).isF32())
    return F32Code(*this, x).exp(x);
  return target.isGpu() ? F64Code(*this, x).exp(x)
                        : LLVM::ExpOp::create(b, loc, x).getResult();
}

Value KernelBuilder::log(Value x) {
  if (getElementType(x.getType()).isF32())
    return F32Code(*this, x).log(x);
  return target.isGpu() ? F64Code(*this, x).log(x)
                        : LLVM::LogOp::create(b, loc, x).getResult();
}

Value KernelBuilder::tanh(Value x) {
  if (getElementType(x.getType()).isF32())
    return F32Code(*this, x).tanh(x);
  return target.isGpu() ? F64Code(*this, x).tanh(x)
                        : LLVM::TanhOp::create(b, loc, x).getResult();
}

Value KernelBuilder::sigmoid(Value x) {
  Value one = constant(x.getType(), 1);
  return divf(one, addf(one, exp(negf(x))));
}

/// Computes in f64, and rounds at the end.
static Value throughF64(KernelBuilder &k, ArrayRef<Value> operands,
                        function_ref<Value(ArrayRef<Value>)> compute) {
  Type type = operands.front().getType();
  if (k.getElementType(type).isF64())
    return compute(operands);
  Type wide = withElement(type, k.b.getF64Type());
  SmallVector<Value> extended;
  for (Value x : operands)
    extended.push_back(arith::ExtFOp::create(k.b, k.loc, wide, x));
  return arith::TruncFOp::create(k.b, k.loc, type, compute(extended));
}

Value KernelBuilder::cos(Value x) {
  return throughF64(*this, x, [&](ArrayRef<Value> v) {
    return target.isGpu() ? F64Code(*this, v[0]).sine(v[0], 1)
                          : LLVM::CosOp::create(b, loc, v[0]).getResult();
  });
}

Value KernelBuilder::sin(Value x) {
  return throughF64(*this, x, [&](ArrayRef<Value> v) {
    return target.isGpu() ? F64Code(*this, v[0]).sine(v[0], 0)
                          : LLVM::SinOp::create(b, loc, v[0]).getResult();
  });
}

Value KernelBuilder::pow(Value x, Value y) {
  return throughF64(*this, {x, y}, [&](ArrayRef<Value> v) {
    return target.isGpu() ? F64Code(*this, v[0]).pow(v[0], v[1])
                          : LLVM::PowOp::create(b, loc, v[0], v[1]).getResult();
  });
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

Value KernelBuilder::roundToBf16(Value x) {
  if (target.isGpu()) { // one instruction, and another back
    Value narrow = arith::TruncFOp::create(
        b, loc, withElement(x.getType(), b.getBF16Type()), x);
    return arith::ExtFOp::create(b, loc, x.getType(), narrow);
  }
  F32Code code(*this, x);
  Value bits = code.toBits(x);
  Value odd = code.band(code.right(bits, 16), 1);
  Value rounded =
      code.band(code.plus(bits, code.plus(odd, code.i(0x7FFF))), 0xFFFF0000);
  // Rounding could carry a NaN over into a number: keep its high bits and make
  // it quiet.
  Value nan = code.band(arith::OrIOp::create(b, loc, bits, code.i(0x00400000)),
                        0xFFFF0000);
  return code.choose(arith::CmpFPredicate::UNO, x, x, code.toFloat(nan),
                     code.toFloat(rounded));
}

// float16 has 11 bits, and none below 2⁻²⁴. With e the exponent of x, at least
// -14, adding 1.5 · 2^(e + p - 11) to a number of p bits leaves those bits, and
// taking it away again is exact.
Value KernelBuilder::roundToF16(Value x) {
  Type type = x.getType();
  bool isDouble = getElementType(type).isF64();
  int64_t precision = isDouble ? 53 : 24;
  Type bits = getRegisterType(isDouble ? b.getI64Type()
                                       : static_cast<Type>(b.getI32Type()),
                              getLanes(type));
  Value magnitude = LLVM::FAbsOp::create(b, loc, x);
  Value power = arith::BitcastOp::create(
      b, loc, type,
      arith::AndIOp::create(
          b, loc, arith::BitcastOp::create(b, loc, bits, magnitude),
          integer(bits, isDouble ? 0x7FF0000000000000 : 0x7F800000)));
  power = maxf(power, constant(type, 0x1p-14));
  Value shift =
      mulf(power, constant(type, std::ldexp(1.5, int(precision - 11))));
  Value rounded = subf(addf(magnitude, shift), shift);
  // 65,520 is as far from 65,504, the largest number, as from 65,536.
  Value overflows = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGE,
                                          magnitude, constant(type, 65520));
  rounded = arith::SelectOp::create(
      b, loc, overflows,
      constant(type, std::numeric_limits<double>::infinity()), rounded);
  return LLVM::CopySignOp::create(b, loc, rounded, x);
}

Value KernelBuilder::convert(Value x, Type to) {
  Type from = getElementType(x.getType());
  bool toBf16 = to.isBF16();
  if (toBf16)
    to = b.getF32Type();
  Type type = withElement(x.getType(), to);
  Value y = x;
  if (from == to) {
  } else if (isa<FloatType>(from) && isa<FloatType>(to)) {
    y = from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth()
            ? arith::ExtFOp::create(b, loc, type, x).getResult()
            : arith::TruncFOp::create(b, loc, type, x).getResult();
  } else if (isa<FloatType>(to)) {
    y = from.isInteger(1)
            ? arith::UIToFPOp::create(b, loc, type, x).getResult()
            : arith::SIToFPOp::create(b, loc, type, x).getResult();
  } else if (to.isInteger(1)) {
    y = isa<FloatType>(from)
            ? arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, x,
                                    constant(x.getType(), 0))
                  .getResult()
            : arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, x,
                                    integer(x.getType(), 0))
                  .getResult();
  } else if (isa<FloatType>(from)) {
    y = arith::FPToSIOp::create(b, loc, type, x);
  } else if (from.isInteger(1)) {
    y = arith::ExtUIOp::create(b, loc, type, x);
  } else {
    y = from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth()
            ? arith::ExtSIOp::create(b, loc, type, x).getResult()
            : arith::TruncIOp::create(b, loc, type, x).getResult();
  }
  return toBf16 ? roundToBf16(y) : y;
}

//===----------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------===//

/// Combines the lower and the upper half until one lane is left.
static Value reduceHalves(KernelBuilder &k, Value x,
                          function_ref<Value(Value, Value)> combine) {
  for (int64_t lanes = k.getLanes(x.getType()); lanes > 1; lanes /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < lanes / 2; ++i) {
      low.push_back(i);
      high.push_back(lanes / 2 + i);
    }
    x = combine(vector::ShuffleOp::create(k.b, k.loc, x, x, low),
                vector::ShuffleOp::create(k.b, k.loc, x, x, high));
  }
  return isa<VectorType>(x.getType())
             ? vector::ExtractOp::create(k.b, k.loc, x, 0).getResult()
             : x;
}

Value KernelBuilder::sumLanes(Value x) {
  bool isFloat = isa<FloatType>(getElementType(x.getType()));
  return reduceHalves(*this, x, [&](Value a, Value c) {
    return isFloat ? addf(a, c)
                   : arith::AddIOp::create(b, loc, a, c).getResult();
  });
}

Value KernelBuilder::maxLanes(Value x) {
  bool isFloat = isa<FloatType>(getElementType(x.getType()));
  return reduceHalves(*this, x, [&](Value a, Value c) {
    return isFloat ? maxf(a, c)
                   : arith::MaxSIOp::create(b, loc, a, c).getResult();
  });
}

Value KernelBuilder::keepLanes(Value x, unsigned count, Value otherwise) {
  unsigned lanes = getLanes(x.getType());
  if (count >= lanes)
    return x;
  SmallVector<int64_t> mask;
  for (unsigned i = 0; i < lanes; ++i)
    mask.push_back(i < count ? i : lanes + i);
  return vector::ShuffleOp::create(b, loc, x, otherwise, mask);
}

} // namespace pgc
