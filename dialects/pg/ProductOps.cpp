// Types and checks of products and tables.
#include "dialects/pg/Pg.h"

using namespace mlir;
using namespace pg;

namespace {
/// `lead` and then `tail`.
Shape joinShapes(ArrayRef<int64_t> lead, ArrayRef<int64_t> tail) {
  Shape shape(lead);
  llvm::append_range(shape, tail);
  return shape;
}

/// Both operands must have one element type.
LogicalResult checkSameElements(std::optional<Location> location,
                                StringRef name, RankedTensorType a,
                                RankedTensorType b) {
  if (a.getElementType() == b.getElementType())
    return success();
  return emitOptionalError(location, "'", name,
                           "' needs operands of one element type, not ",
                           a.getElementType(), " and ", b.getElementType());
}
} // namespace

LogicalResult LinearOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &results) {
  RankedTensorType x = getTensorType(adaptor.getX()),
                   w = getTensorType(adaptor.getW());
  if (failed(checkSameElements(location, getOperationName(), x, w)))
    return failure();
  if (x.getRank() < 1 || w.getRank() != 2)
    return emitOptionalError(location,
                             "'pg.linear' takes x [..., n] and w [m, n], not [",
                             x.getShape(), "] and [", w.getShape(), "]");
  if (x.getShape().back() != w.getDimSize(1))
    return emitOptionalError(location, "'pg.linear': x has ",
                             x.getShape().back(), " features, w takes ",
                             w.getDimSize(1));
  results.push_back(RankedTensorType::get(
      joinShapes(x.getShape().drop_back(), w.getDimSize(0)),
      getSumType(x.getElementType())));
  return success();
}

void MatmulOp::build(OpBuilder &builder, OperationState &state, Value a,
                     Value b, bool transposeA, bool transposeB) {
  state.addOperands({a, b});
  Properties &properties = state.getOrAddProperties<Properties>();
  if (transposeA)
    properties.transpose_a = builder.getUnitAttr();
  if (transposeB)
    properties.transpose_b = builder.getUnitAttr();
  SmallVector<Type> types;
  if (failed(MatmulOp::inferReturnTypes(
          builder.getContext(), state.location, state.operands,
          state.attributes.getDictionary(builder.getContext()),
          state.getRawProperties(), state.regions, types)))
    mlir::detail::reportFatalInferReturnTypesError(state);
  state.addTypes(types);
}

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &results) {
  RankedTensorType a = getTensorType(adaptor.getA()),
                   b = getTensorType(adaptor.getB());
  if (failed(checkSameElements(location, getOperationName(), a, b)))
    return failure();
  if (a.getRank() < 2 || b.getRank() < 2)
    return emitOptionalError(location, "'pg.matmul' takes matrices, not [",
                             a.getShape(), "] and [", b.getShape(), "]");
  auto [rows, inner] =
      std::pair(a.getShape().take_back(2)[0], a.getShape().take_back(2)[1]);
  auto [innerB, columns] =
      std::pair(b.getShape().take_back(2)[0], b.getShape().take_back(2)[1]);
  if (adaptor.getTransposeA())
    std::swap(rows, inner);
  if (adaptor.getTransposeB())
    std::swap(innerB, columns);
  if (inner != innerB)
    return emitOptionalError(location, "'pg.matmul' contracts ", inner,
                             " with ", innerB, " elements");
  auto lead =
      broadcastShapes(a.getShape().drop_back(2), b.getShape().drop_back(2));
  if (!lead)
    return emitOptionalError(location,
                             "'pg.matmul' cannot line up the leading axes of [",
                             a.getShape(), "] and [", b.getShape(), "]");
  results.push_back(RankedTensorType::get(joinShapes(*lead, {rows, columns}),
                                          getSumType(a.getElementType())));
  return success();
}

LogicalResult PackOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> location,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &results) {
  RankedTensorType w = getTensorType(adaptor.getW());
  int64_t panel = adaptor.getPanel(), group = adaptor.getGroup();
  if (w.getRank() != 2)
    return emitOptionalError(location, "'pg.pack' takes a matrix, not [",
                             w.getShape(), "]");
  if (panel < 1 || group < 1)
    return emitOptionalError(
        location, "'pg.pack' needs a panel and a group of at least 1");
  bool nk = adaptor.getForm() == PackForm::nk;
  Shape shape = {llvm::divideCeilSigned(w.getDimSize(nk ? 0 : 1), panel),
                 llvm::divideCeilSigned(w.getDimSize(nk ? 1 : 0), group),
                 panel};
  if (group > 1)
    shape.push_back(group);
  results.push_back(w.clone(shape));
  return success();
}

LogicalResult PackedMatmulOp::inferReturnTypes(MLIRContext *,
                                               std::optional<Location> location,
                                               Adaptor adaptor,
                                               SmallVectorImpl<Type> &results) {
  RankedTensorType a = getTensorType(adaptor.getA()),
                   packed = getTensorType(adaptor.getPacked());
  if (failed(checkSameElements(location, getOperationName(), a, packed)))
    return failure();
  if (a.getRank() < 1 || (packed.getRank() != 3 && packed.getRank() != 4))
    return emitOptionalError(
        location,
        "'pg.packed_matmul' takes [..., k] and a packed weight, not [",
        a.getShape(), "] and [", packed.getShape(), "]");
  int64_t group = packed.getRank() == 4 ? packed.getDimSize(3) : 1;
  if ((a.getShape().back() + group - 1) / group != packed.getDimSize(1))
    return emitOptionalError(
        location, "'pg.packed_matmul': a has ", a.getShape().back(),
        " features, the weight takes ", packed.getDimSize(1) * group);
  int64_t n = adaptor.getN(), panel = packed.getDimSize(2),
          panels = packed.getDimSize(0);
  if (n <= (panels - 1) * panel || n > panels * panel)
    return emitOptionalError(location, "'pg.packed_matmul': ", panels,
                             " panels of ", panel, " columns do not hold ", n);
  results.push_back(RankedTensorType::get(
      joinShapes(a.getShape().drop_back(), n), getSumType(a.getElementType())));
  return success();
}

LogicalResult EmbedOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> location,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &results) {
  RankedTensorType table = getTensorType(adaptor.getTable());
  if (table.getRank() != 2)
    return emitOptionalError(location, "'pg.embed' takes a table [V, n], not [",
                             table.getShape(), "]");
  results.push_back(table.clone(joinShapes(
      getTensorType(adaptor.getIds()).getShape(), table.getDimSize(1))));
  return success();
}

LogicalResult EmbedGradOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &results) {
  RankedTensorType dy = getTensorType(adaptor.getDy()),
                   ids = getTensorType(adaptor.getIds());
  if (dy.getRank() < 1 || dy.getShape().drop_back() != ids.getShape())
    return emitOptionalError(
        location, "'pg.embed_grad' takes dy [..., n] and ids [...], not [",
        dy.getShape(), "] and [", ids.getShape(), "]");
  if (adaptor.getRows() < 1)
    return emitOptionalError(location,
                             "'pg.embed_grad' needs at least one row");
  results.push_back(dy.clone(Shape{adaptor.getRows(), dy.getShape().back()}));
  return success();
}

LogicalResult PickOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> location,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &results) {
  RankedTensorType z = getTensorType(adaptor.getZ()),
                   ids = getTensorType(adaptor.getIds());
  if (z.getRank() < 1 || z.getShape().drop_back() != ids.getShape())
    return emitOptionalError(location,
                             "'pg.pick' takes z [..., V] and ids [...], not [",
                             z.getShape(), "] and [", ids.getShape(), "]");
  results.push_back(z.clone(joinShapes(ids.getShape(), 1)));
  return success();
}
