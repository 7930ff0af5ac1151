// What emitted kernels do over the lanes of a vector.
#include "compiler/kernels/KernelBuilder.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace pgc {

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
