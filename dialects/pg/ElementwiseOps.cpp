// Types and checks of comparison, selection and conversion.
#include "dialects/pg/Pg.h"

using namespace mlir;
using namespace pg;

LogicalResult CompareOp::inferReturnTypes(MLIRContext *context,
                                          std::optional<Location> location,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &results) {
  SmallVector<Type> types;
  if (failed(inferElementwise(getOperationName(), location,
                              adaptor.getOperands(), types)))
    return failure();
  results.push_back(cast<RankedTensorType>(types.front())
                        .clone(IntegerType::get(context, 1)));
  return success();
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &results) {
  SmallVector<Type> types;
  ValueRange values = ValueRange(adaptor.getOperands()).drop_front();
  if (failed(inferElementwise(getOperationName(), location, values, types)))
    return failure();
  auto type = cast<RankedTensorType>(types.front());
  ArrayRef<int64_t> condition =
      getTensorType(adaptor.getCondition()).getShape();
  auto shape = broadcastShapes(type.getShape(), condition);
  if (!shape)
    return emitOptionalError(location, "'pg.select' cannot line up [",
                             condition, "] and [", type.getShape(), "]");
  results.push_back(type.clone(*shape));
  return success();
}

void ConvertOp::build(OpBuilder &builder, OperationState &state, Value x,
                      Type elementType) {
  build(builder, state, getTensorType(x).clone(elementType), x);
}

LogicalResult ConvertOp::verify() {
  if (getX().getType().getShape() != getType().getShape())
    return emitOpError("keeps the shape: [")
           << getX().getType().getShape() << "] to [" << getType().getShape()
           << "]";
  return success();
}
