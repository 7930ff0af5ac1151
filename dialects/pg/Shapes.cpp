#include "dialects/pg/Shapes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

RankedTensorType pg::getTensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

std::optional<pg::Shape> pg::broadcastShapes(ArrayRef<int64_t> a,
                                             ArrayRef<int64_t> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  Shape result(a);
  size_t lead = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i) {
    int64_t &size = result[lead + i];
    if (size != b[i] && size != 1 && b[i] != 1)
      return std::nullopt;
    if (size == 1)
      size = b[i];
  }
  return result;
}

pg::Shape pg::reduceShape(ArrayRef<int64_t> shape, ArrayRef<int64_t> axes) {
  Shape result(shape);
  for (int64_t axis : axes)
    result[axis] = 1;
  return result;
}

pg::Shape pg::allAxes(int64_t rank) {
  return llvm::to_vector<4>(llvm::seq<int64_t>(0, rank));
}

Type pg::getSumType(Type elementType) {
  return elementType.isF64() ? elementType
                             : Float32Type::get(elementType.getContext());
}

LogicalResult pg::inferElementwise(StringRef name,
                                   std::optional<Location> location,
                                   ValueRange operands,
                                   SmallVectorImpl<Type> &results) {
  // Operands are not verified yet when a parser or a builder asks.
  if (!llvm::all_of(operands.getTypes(), llvm::IsaPred<RankedTensorType>))
    return emitOptionalError(location, "'", name, "' takes tensors");
  RankedTensorType first = getTensorType(operands.front());
  Shape shape(first.getShape());
  for (Value operand : operands.drop_front()) {
    RankedTensorType type = getTensorType(operand);
    if (type.getElementType() != first.getElementType())
      return emitOptionalError(
          location, "'", name, "' needs operands of one element type, not ",
          first.getElementType(), " and ", type.getElementType());
    auto joined = broadcastShapes(shape, type.getShape());
    if (!joined)
      return emitOptionalError(location, "'", name, "' cannot line up [", shape,
                               "] and [", type.getShape(), "]");
    shape = *joined;
  }
  results.push_back(RankedTensorType::get(shape, first.getElementType()));
  return success();
}
