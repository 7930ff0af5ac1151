// pg.concat: its shape.
#include "dialects/pg/Pg.h"

using namespace mlir;

/// The shape of the whole, or nothing if the parts don't fit together.
static std::optional<pg::Shape> joinShapes(ValueRange parts) {
  if (parts.empty() || pg::getTensorType(parts.front()).getRank() == 0)
    return std::nullopt;
  pg::Shape whole(pg::getTensorType(parts.front()).getShape());
  whole.front() = 0;
  for (Value part : parts) {
    RankedTensorType type = pg::getTensorType(part);
    if (type.getRank() != static_cast<int64_t>(whole.size()) ||
        type.getShape().drop_front() != ArrayRef<int64_t>(whole).drop_front())
      return std::nullopt;
    whole.front() += type.getShape().front();
  }
  return whole;
}

void pg::ConcatOp::build(OpBuilder &builder, OperationState &state,
                         ValueRange parts) {
  auto element = pg::getTensorType(parts.front()).getElementType();
  state.addOperands(parts);
  state.addTypes(
      RankedTensorType::get(joinShapes(parts).value_or(Shape{}), element));
}

LogicalResult pg::ConcatOp::verify() {
  std::optional<Shape> whole = joinShapes(getParts());
  RankedTensorType type = getTensorType(getResult());
  if (!whole || type.getShape() != ArrayRef<int64_t>(*whole))
    return emitOpError(
        "needs parts that join along the first axis to the result's shape");
  for (Value part : getParts())
    if (getTensorType(part).getElementType() != type.getElementType())
      return emitOpError("needs parts of the result's element type");
  return success();
}
