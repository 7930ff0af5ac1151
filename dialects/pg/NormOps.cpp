// Types and checks of norms, statistics, losses, and what only optimizers use.
#include "dialects/pg/Pg.h"

using namespace mlir;
using namespace pg;

namespace {
/// The type of a statistic of `x` over `axes`, which stay with size 1.
LogicalResult inferStatistic(StringRef name, std::optional<Location> location,
                             Value x, ArrayRef<int64_t> axes,
                             SmallVectorImpl<Type> &results) {
  RankedTensorType type = getTensorType(x);
  llvm::SmallDenseSet<int64_t> seen;
  for (int64_t axis : axes)
    if (axis < 0 || axis >= type.getRank() || !seen.insert(axis).second)
      return emitOptionalError(location, "'", name, "' cannot take axis ", axis,
                               " of a tensor of rank ", type.getRank());
  results.push_back(type.clone(reduceShape(type.getShape(), axes)));
  return success();
}

LogicalResult checkHasAxis(Operation *op, RankedTensorType type) {
  return type.getRank() > 0 ? success()
                            : op->emitOpError("needs at least one axis");
}

/// Logits [..., V] and ids [...].
LogicalResult checkLogits(StringRef name, std::optional<Location> location,
                          Value z, Value ids) {
  ArrayRef<int64_t> shape = getTensorType(z).getShape(),
                    rows = getTensorType(ids).getShape();
  if (!shape.empty() && shape.drop_back() == rows)
    return success();
  return emitOptionalError(location, "'", name,
                           "' takes z [..., V] and ids [...], not [", shape,
                           "] and [", rows, "]");
}
} // namespace

LogicalResult RmsNormOp::verify() { return checkHasAxis(*this, getType()); }
LogicalResult NormalizeOp::verify() { return checkHasAxis(*this, getType()); }

LogicalResult QuantileOp::verify() {
  double q = getQ().convertToDouble();
  return q >= 0 && q <= 1 ? success() : emitOpError("needs q in 0 … 1");
}

LogicalResult MeanOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> location,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &results) {
  return inferStatistic(getOperationName(), location, adaptor.getX(),
                        adaptor.getAxes(), results);
}
LogicalResult NormOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> location,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &results) {
  return inferStatistic(getOperationName(), location, adaptor.getX(),
                        adaptor.getAxes(), results);
}
LogicalResult StdOp::inferReturnTypes(MLIRContext *,
                                      std::optional<Location> location,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &results) {
  return inferStatistic(getOperationName(), location, adaptor.getX(),
                        adaptor.getAxes(), results);
}
LogicalResult LogSumExpOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &results) {
  return inferStatistic(getOperationName(), location, adaptor.getX(),
                        adaptor.getAxis(), results);
}
LogicalResult QuantileOp::inferReturnTypes(MLIRContext *,
                                           std::optional<Location> location,
                                           Adaptor adaptor,
                                           SmallVectorImpl<Type> &results) {
  return inferStatistic(getOperationName(), location, adaptor.getX(),
                        adaptor.getAxis(), results);
}

LogicalResult TokenNllOp::inferReturnTypes(MLIRContext *,
                                           std::optional<Location> location,
                                           Adaptor adaptor,
                                           SmallVectorImpl<Type> &results) {
  if (failed(checkLogits(getOperationName(), location, adaptor.getZ(),
                         adaptor.getIds())))
    return failure();
  RankedTensorType z = getTensorType(adaptor.getZ());
  results.push_back(z.clone(z.getShape().drop_back()));
  return success();
}

LogicalResult CrossEntropyOp::inferReturnTypes(MLIRContext *,
                                               std::optional<Location> location,
                                               Adaptor adaptor,
                                               SmallVectorImpl<Type> &results) {
  if (failed(checkLogits(getOperationName(), location, adaptor.getZ(),
                         adaptor.getIds())))
    return failure();
  results.push_back(getTensorType(adaptor.getZ()).clone(ArrayRef<int64_t>{}));
  return success();
}

LogicalResult NewtonSchulzOp::inferReturnTypes(MLIRContext *,
                                               std::optional<Location> location,
                                               Adaptor adaptor,
                                               SmallVectorImpl<Type> &results) {
  RankedTensorType u = getTensorType(adaptor.getU());
  if (u.getRank() < 2)
    return emitOptionalError(location,
                             "'pg.newton_schulz' takes a matrix, not [",
                             u.getShape(), "]");
  if (adaptor.getCoeffs().empty() || adaptor.getCoeffs().size() % 3 != 0)
    return emitOptionalError(
        location, "'pg.newton_schulz' takes three coefficients a step, not ",
        adaptor.getCoeffs().size(), " in all");
  results.push_back(u);
  return success();
}
