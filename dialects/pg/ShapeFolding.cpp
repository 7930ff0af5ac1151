// Moves of elements that move nothing, and of constants.
#include "dialects/pg/Pg.h"

using namespace mlir;
using namespace pg;

namespace {
/// A constant of equal elements in another shape.
OpFoldResult reshapeUniform(Attribute value, RankedTensorType type) {
  auto elements = dyn_cast_or_null<DenseElementsAttr>(value);
  if (!elements || !elements.isSplat())
    return {};
  return elements.resizeSplat(type);
}

bool allZero(ArrayRef<int64_t> numbers) {
  return llvm::all_of(numbers, [](int64_t number) { return number == 0; });
}
} // namespace

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

OpFoldResult SplatOp::fold(FoldAdaptor adaptor) {
  auto number = dyn_cast_or_null<FloatAttr>(adaptor.getValue());
  auto element = dyn_cast<FloatType>(getType().getElementType());
  if (!number || !element)
    return {};
  APFloat value = number.getValue();
  bool inexact;
  value.convert(element.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                &inexact);
  return DenseElementsAttr::get(getType(), value);
}

OpFoldResult ReduceOp::fold(FoldAdaptor) {
  return getX().getType() == getType() ? OpFoldResult(getX()) : OpFoldResult();
}

OpFoldResult ShiftOp::fold(FoldAdaptor) {
  return getAmount() == 0 ? OpFoldResult(getX()) : OpFoldResult();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  if (auto constant = dyn_cast_or_null<DenseElementsAttr>(adaptor.getX()))
    return constant.reshape(getType());
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    if (inner.getX().getType() == getType())
      return inner.getX();
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  if (llvm::equal(getPermutation(), allAxes(getType().getRank())))
    return getX();
  if (auto inner = getX().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> joined;
    for (int64_t axis : getPermutation())
      joined.push_back(inner.getPermutation()[axis]);
    setPermutation(joined);
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return reshapeUniform(adaptor.getX(), getType());
}

OpFoldResult SliceOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  return reshapeUniform(adaptor.getX(), getType());
}

OpFoldResult PadOp::fold(FoldAdaptor) {
  return allZero(getLow()) && allZero(getHigh()) ? OpFoldResult(getX())
                                                 : OpFoldResult();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  if (auto inner = getX().getDefiningOp<BroadcastOp>()) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return reshapeUniform(adaptor.getX(), getType());
}
