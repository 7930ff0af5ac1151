// Types and checks of what only quantisers use.
#include "dialects/pg/Pg.h"
#include <cmath>

using namespace mlir;
using namespace pg;

using Values = SmallVector<Value>;

LogicalResult CodesOp::verify() {
  return getLo() <= getHi() ? success()
                            : emitOpError("needs lo <= hi, not ")
                                  << getLo() << " and " << getHi();
}

Values CodesOp::decompose(OpBuilder &) { return {getX()}; }

OpFoldResult RoundF16Op::fold(FoldAdaptor adaptor) {
  if (getX().getDefiningOp<RoundF16Op>())
    return getX();
  auto elements = dyn_cast_or_null<DenseElementsAttr>(adaptor.getX());
  if (!elements || !elements.isSplat())
    return {};
  APFloat value = elements.getSplatValue<APFloat>();
  const llvm::fltSemantics &semantics = value.getSemantics();
  bool inexact;
  value.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven, &inexact);
  value.convert(semantics, APFloat::rmNearestTiesToEven, &inexact);
  return DenseElementsAttr::get(getType(), value);
}

LogicalResult GptqOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> location,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &results) {
  RankedTensorType w = getTensorType(adaptor.getW()),
                   h = getTensorType(adaptor.getH()),
                   scale = getTensorType(adaptor.getScale());
  if (w.getRank() != 2)
    return emitOptionalError(location, "'pg.gptq' takes a matrix w, not [",
                             w.getShape(), "]");
  int64_t rows = w.getDimSize(0), columns = w.getDimSize(1);
  if (h.getShape() != ArrayRef<int64_t>{columns, columns})
    return emitOptionalError(location, "'pg.gptq': h of w with ", columns,
                             " columns is [", columns, ", ", columns,
                             "], not [", h.getShape(), "]");
  if (scale.getShape() != ArrayRef<int64_t>{rows, 1})
    return emitOptionalError(location, "'pg.gptq': the scale of w with ", rows,
                             " rows is [", rows, ", 1], not [",
                             scale.getShape(), "]");
  if (h.getElementType() != w.getElementType() ||
      scale.getElementType() != w.getElementType())
    return emitOptionalError(location,
                             "'pg.gptq' needs operands of one element type");
  results.push_back(w);
  return success();
}

LogicalResult GptqOp::verify() {
  if (getTop() < 1 || getBlock() < 1)
    return emitOpError("needs top and block of at least 1");
  double damp = getDamp().convertToDouble();
  if (!(damp >= 0) || !std::isfinite(damp))
    return emitOpError("needs a finite damp of at least 0");
  return success();
}

LogicalResult SvdOp::inferReturnTypes(MLIRContext *,
                                      std::optional<Location> location,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &results) {
  RankedTensorType w = getTensorType(adaptor.getW());
  int64_t rank = adaptor.getRank();
  if (w.getRank() != 2)
    return emitOptionalError(location, "'pg.svd' takes a matrix, not [",
                             w.getShape(), "]");
  int64_t rows = w.getDimSize(0), columns = w.getDimSize(1);
  if (rank < 1 || rank > std::min(rows, columns))
    return emitOptionalError(location, "'pg.svd' of [", w.getShape(),
                             "] has 1 … ", std::min(rows, columns),
                             " singular values, not ", rank);
  results.push_back(w.clone(Shape{rows, rank}));
  results.push_back(w.clone(Shape{rank}));
  results.push_back(w.clone(Shape{rank, columns}));
  return success();
}
