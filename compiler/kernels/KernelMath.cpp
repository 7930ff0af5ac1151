// Arithmetic of emitted kernels: basic operations, and elementary functions.
#include "compiler/kernels/FloatCode.h"
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

//===----------------------------------------------------------------------===//
// Elementary functions
//===----------------------------------------------------------------------===//

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

} // namespace pgc
