// Types and checks of the operations that make and move elements.
#include "dialects/pg/Pg.h"

using namespace mlir;
using namespace pg;

namespace {
RankedTensorType withShape(Value x, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, getTensorType(x).getElementType());
}

/// An error unless each axis exists and none is named twice.
LogicalResult checkAxes(std::optional<Location> location, StringRef name,
                        int64_t rank, ArrayRef<int64_t> axes) {
  llvm::SmallDenseSet<int64_t> seen;
  for (int64_t axis : axes) {
    if (axis < 0 || axis >= rank)
      return emitOptionalError(location, "'", name, "' has no axis ", axis,
                               " in a tensor of rank ", rank);
    if (!seen.insert(axis).second)
      return emitOptionalError(location, "'", name, "' names axis ", axis,
                               " twice");
  }
  return success();
}

/// An error unless there is one number for each axis.
LogicalResult checkCount(std::optional<Location> location, StringRef name,
                         int64_t rank, ArrayRef<int64_t> numbers) {
  if (static_cast<int64_t>(numbers.size()) == rank)
    return success();
  return emitOptionalError(location, "'", name, "' needs ", rank,
                           " numbers, one an axis, not ", numbers.size());
}
} // namespace

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

void ConstantOp::build(OpBuilder &, OperationState &state,
                       RankedTensorType type, double value) {
  Type element = type.getElementType();
  DenseElementsAttr elements;
  if (auto floatType = dyn_cast<FloatType>(element)) {
    APFloat number(value);
    bool inexact;
    number.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                   &inexact);
    elements = DenseElementsAttr::get(type, number);
  } else {
    elements = DenseElementsAttr::get(
        type, APInt(element.getIntOrFloatBitWidth(),
                    static_cast<int64_t>(value), /*isSigned=*/true,
                    /*implicitTrunc=*/true));
  }
  state.getOrAddProperties<Properties>().value = elements;
  state.addTypes(type);
}

void ConstantOp::build(OpBuilder &builder, OperationState &state, double value,
                       Type elementType) {
  build(builder, state, RankedTensorType::get({}, elementType), value);
}

void SplatOp::build(OpBuilder &builder, OperationState &state, Value value,
                    Type elementType) {
  state.addOperands(value);
  state.addTypes(RankedTensorType::get({}, elementType ? elementType
                                                       : builder.getF32Type()));
}

LogicalResult SplatOp::verify() {
  if (getType().getRank() != 0)
    return emitOpError("makes a tensor of shape [], not [")
           << getType().getShape() << "]";
  return success();
}

void IotaOp::build(OpBuilder &builder, OperationState &state,
                   ArrayRef<int64_t> shape, int64_t axis) {
  build(builder, state, RankedTensorType::get(shape, builder.getI64Type()),
        axis);
}

LogicalResult IotaOp::verify() {
  return checkAxes(getLoc(), getOperationName(), getType().getRank(),
                   getAxis());
}

//===----------------------------------------------------------------------===//
// Along axes
//===----------------------------------------------------------------------===//

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &results) {
  RankedTensorType type = getTensorType(adaptor.getX());
  if (failed(checkAxes(location, getOperationName(), type.getRank(),
                       adaptor.getAxes())))
    return failure();
  results.push_back(withShape(adaptor.getX(),
                              reduceShape(type.getShape(), adaptor.getAxes())));
  return success();
}

LogicalResult PartialSumOp::inferReturnTypes(MLIRContext *,
                                             std::optional<Location> location,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &results) {
  RankedTensorType type = getTensorType(adaptor.getX());
  int64_t outer = adaptor.getOuter();
  if (adaptor.getChunks() < 1)
    return emitOptionalError(location,
                             "'pg.partial_sum' needs at least one chunk");
  if (outer < 1 || outer > type.getRank())
    return emitOptionalError(location, "'pg.partial_sum' has no ", outer,
                             " leading axes in a tensor of rank ",
                             type.getRank());
  Shape shape = {adaptor.getChunks()};
  llvm::append_range(shape, type.getShape().drop_front(outer));
  results.push_back(withShape(adaptor.getX(), shape));
  return success();
}

LogicalResult CumsumOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &results) {
  RankedTensorType type = getTensorType(adaptor.getX());
  results.push_back(type);
  return checkAxes(location, getOperationName(), type.getRank(),
                   adaptor.getAxis());
}

LogicalResult ShiftOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> location,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &results) {
  RankedTensorType type = getTensorType(adaptor.getX());
  results.push_back(type);
  return checkAxes(location, getOperationName(), type.getRank(),
                   adaptor.getAxis());
}

//===----------------------------------------------------------------------===//
// Other shapes of the same elements
//===----------------------------------------------------------------------===//

void ReshapeOp::build(OpBuilder &builder, OperationState &state, Value x,
                      ArrayRef<int64_t> shape) {
  build(builder, state, withShape(x, shape), x);
}

LogicalResult ReshapeOp::verify() {
  RankedTensorType from = getX().getType(), to = getType();
  if (from.getElementType() != to.getElementType())
    return emitOpError("keeps the element type: ") << from << " to " << to;
  if (from.getNumElements() != to.getNumElements())
    return emitOpError("keeps the elements: ")
           << from.getNumElements() << " cannot become " << to.getNumElements();
  return success();
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &results) {
  RankedTensorType type = getTensorType(adaptor.getX());
  ArrayRef<int64_t> permutation = adaptor.getPermutation();
  if (failed(checkCount(location, getOperationName(), type.getRank(),
                        permutation)) ||
      failed(
          checkAxes(location, getOperationName(), type.getRank(), permutation)))
    return failure();
  Shape shape;
  for (int64_t axis : permutation)
    shape.push_back(type.getDimSize(axis));
  results.push_back(withShape(adaptor.getX(), shape));
  return success();
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> location,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &results) {
  RankedTensorType type = getTensorType(adaptor.getX());
  if (failed(checkCount(location, getOperationName(), type.getRank(),
                        adaptor.getOffsets())) ||
      failed(checkCount(location, getOperationName(), type.getRank(),
                        adaptor.getSizes())))
    return failure();
  for (auto [axis, offset, size] :
       llvm::enumerate(adaptor.getOffsets(), adaptor.getSizes()))
    if (offset < 0 || size < 1 || offset + size > type.getDimSize(axis))
      return emitOptionalError(location, "'pg.slice' of ", size, " from ",
                               offset, " leaves axis ", axis, ", of size ",
                               type.getDimSize(axis));
  results.push_back(withShape(adaptor.getX(), adaptor.getSizes()));
  return success();
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *,
                                      std::optional<Location> location,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &results) {
  RankedTensorType type = getTensorType(adaptor.getX());
  if (failed(checkCount(location, getOperationName(), type.getRank(),
                        adaptor.getLow())) ||
      failed(checkCount(location, getOperationName(), type.getRank(),
                        adaptor.getHigh())))
    return failure();
  Shape shape(type.getShape());
  for (auto [size, low, high] :
       llvm::zip_equal(shape, adaptor.getLow(), adaptor.getHigh())) {
    if (low < 0 || high < 0)
      return emitOptionalError(location, "'pg.pad' cannot take elements away");
    size += low + high;
  }
  results.push_back(withShape(adaptor.getX(), shape));
  return success();
}

void BroadcastOp::build(OpBuilder &builder, OperationState &state, Value x,
                        ArrayRef<int64_t> shape) {
  build(builder, state, withShape(x, shape), x);
}

LogicalResult BroadcastOp::verify() {
  RankedTensorType from = getX().getType(), to = getType();
  if (from.getElementType() != to.getElementType())
    return emitOpError("keeps the element type: ") << from << " to " << to;
  auto joined = broadcastShapes(from.getShape(), to.getShape());
  if (!joined || ArrayRef<int64_t>(*joined) != to.getShape())
    return emitOpError("cannot spread [")
           << from.getShape() << "] to [" << to.getShape() << "]";
  return success();
}
