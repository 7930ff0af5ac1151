// Conversions of emitted kernels between types, and roundings within a type.
#include "compiler/kernels/FloatCode.h"
#include <cmath>

using namespace mlir;

namespace pgc {

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

} // namespace pgc
