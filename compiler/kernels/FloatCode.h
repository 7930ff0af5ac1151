// Elementary functions as straight code on the bits of floats.
#pragma once

#include "compiler/kernels/KernelBuilder.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace pgc {

/// A type of as many elements, of another kind.
inline mlir::Type withElement(mlir::Type type, mlir::Type element) {
  auto vector = mlir::dyn_cast<mlir::VectorType>(type);
  return vector ? mlir::VectorType::get(vector.getShape(), element) : element;
}

/// A format of floats, and constants of its functions.
struct FloatFormat {
  int mantissaBits;         ///< that are stored
  int bias;                 ///< of the exponent
  double largest, smallest; ///< beyond them exp is infinite, or 0
  double tanhIsOne;         ///< tanh(x / 2) is 1 from here on
  double ln2High, ln2Low;   ///< ln 2 as a sum; whole · ln2High is exact enough
  llvm::ArrayRef<double> exponential; ///< e^r = 1 + r + r² p(r), |r| ≤ ln 2 / 2
  int64_t rootHalf;                   ///< the bits of sqrt(1/2)
};

/// Code on the bits of floats, of a vector or a scalar; and the functions whose
/// steps are those of any format.
class FloatCode {
public:
  FloatCode(KernelBuilder &k, mlir::Value x, mlir::Type element,
            const FloatFormat &format)
      : k(k), format(format), type(x.getType()),
        bits(withElement(type, element)) {}

  mlir::Value exp(mlir::Value x);
  mlir::Value tanh(mlir::Value x);

  mlir::Value f(double value) { return k.constant(type, value); }
  mlir::Value i(int64_t value) { return k.integer(bits, value); }
  mlir::Value toBits(mlir::Value x);
  mlir::Value toFloat(mlir::Value x);
  mlir::Value plus(mlir::Value x, mlir::Value y);
  mlir::Value minus(mlir::Value x, mlir::Value y);
  mlir::Value left(mlir::Value x, int n);
  mlir::Value right(mlir::Value x, int n);
  mlir::Value band(mlir::Value x, int64_t mask);
  mlir::Value choose(mlir::arith::CmpFPredicate predicate, mlir::Value x,
                     mlir::Value y, mlir::Value yes, mlir::Value no);
  /// c0 + x (c1 + x (c2 + ...)).
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> c);

protected:
  /// 2^n, for exponents n of normal numbers.
  mlir::Value power(mlir::Value n);

  /// x · factor, rounded to a whole number: as an integer, and as a float.
  std::pair<mlir::Value, mlir::Value> roundMultiple(mlir::Value x,
                                                    double factor);

  /// x = n ln 2 + r, |r| <= ln 2 / 2: n as an integer, and e^r - 1.
  std::pair<mlir::Value, mlir::Value> reduceExp(mlir::Value x);

  /// x = 2^e m, m in [sqrt(1/2), sqrt 2), of positive numbers.
  struct Split {
    mlir::Value exponent, m; ///< both floats
  };
  Split splitExponent(mlir::Value x);
  /// log x: y, or where x is no positive number what stands there for it.
  mlir::Value logOrSpecial(mlir::Value x, mlir::Value y);

  KernelBuilder &k;
  const FloatFormat &format;
  mlir::Type type, bits; // integers as wide
};

/// Of f32.
class F32Code : public FloatCode {
public:
  F32Code(KernelBuilder &k, mlir::Value x);
  /// Relative error 2e-8 before rounding.
  mlir::Value log(mlir::Value x);
};

/// Of f64, for GPUs, where there is no C library to call. Series are those of
/// Taylor, cut where the next term is below half a unit in the last place;
/// results are within about 2 units.
class F64Code : public FloatCode {
public:
  F64Code(KernelBuilder &k, mlir::Value x);
  mlir::Value log(mlir::Value x);
  /// sin(x), or cos(x) with `quarter` 1, for |x| below 2³⁰.
  mlir::Value sine(mlir::Value x, int64_t quarter);
  /// Through the logarithm, so with a relative error of up to |y log x| 2⁻⁵².
  mlir::Value pow(mlir::Value x, mlir::Value y);
};

} // namespace pgc
