// Types and checks of attention and what goes with it.
#include "dialects/pg/Pg.h"

using namespace mlir;
using namespace pg;

namespace {
/// Heads q [B, T, H, D] and k [B, T, K, D] with H a multiple of K; q may be
/// `shorter` along T.
LogicalResult checkHeads(StringRef name, std::optional<Location> location,
                         ArrayRef<int64_t> q, ArrayRef<int64_t> k,
                         bool shorter = false) {
  bool ok = q.size() == 4 && k.size() == 4 && q[0] == k[0] &&
            (q[1] == k[1] || (shorter && q[1] < k[1])) && q[3] == k[3] &&
            k[2] > 0 && q[2] % k[2] == 0;
  if (ok)
    return success();
  return emitOptionalError(
      location, "'", name,
      "' takes heads [B, T, H, D] and [B, T, K, D], H a multiple of K, not [",
      q, "] and [", k, "]");
}

LogicalResult checkSegment(StringRef name, std::optional<Location> location,
                           ArrayRef<int64_t> k, Value segment) {
  if (!segment || getTensorType(segment).getShape() == k.take_front(2))
    return success();
  return emitOptionalError(location, "'", name,
                           "' takes segments [B, T], not [",
                           getTensorType(segment).getShape(), "]");
}

/// q, k and v of attention, and its segments.
template <typename Adaptor>
LogicalResult checkAttention(StringRef name, std::optional<Location> location,
                             Adaptor adaptor, bool shorter) {
  RankedTensorType q = getTensorType(adaptor.getQ()),
                   k = getTensorType(adaptor.getK()),
                   v = getTensorType(adaptor.getV());
  if (k != v)
    return emitOptionalError(location, "'", name,
                             "' needs keys and values of one type, not ", k,
                             " and ", v);
  if (q.getElementType() != k.getElementType())
    return emitOptionalError(location, "'", name,
                             "' needs operands of one element type, not ",
                             q.getElementType(), " and ", k.getElementType());
  if (failed(checkHeads(name, location, q.getShape(), k.getShape(), shorter)))
    return failure();
  return checkSegment(name, location, k.getShape(), adaptor.getSegment());
}
} // namespace

LogicalResult RopeOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> location,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &results) {
  RankedTensorType x = getTensorType(adaptor.getX()),
                   cos = getTensorType(adaptor.getCos());
  if (cos != getTensorType(adaptor.getSin()))
    return emitOptionalError(location,
                             "'pg.rope' needs cosines and sines of one type");
  if (x.getElementType() != cos.getElementType())
    return emitOptionalError(
        location, "'pg.rope' needs operands of one element type, not ",
        x.getElementType(), " and ", cos.getElementType());
  if (x.getRank() != 4 || cos.getRank() != 2 ||
      cos.getDimSize(0) != x.getDimSize(1) ||
      2 * cos.getDimSize(1) > x.getDimSize(3))
    return emitOptionalError(
        location,
        "'pg.rope' takes x [B, T, H, D] and angles [T, n], 2n ≤ D, not [",
        x.getShape(), "] and [", cos.getShape(), "]");
  results.push_back(x);
  return success();
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &results) {
  if (failed(checkAttention(getOperationName(), location, adaptor,
                            /*shorter=*/true)))
    return failure();
  RankedTensorType q = getTensorType(adaptor.getQ());
  RankedTensorType o = q.clone(getSumType(q.getElementType()));
  results.append({o, o.clone(o.getShape().drop_back())});
  return success();
}

LogicalResult AttentionGradOp::inferReturnTypes(
    MLIRContext *, std::optional<Location> location, Adaptor adaptor,
    SmallVectorImpl<Type> &results) {
  if (failed(checkAttention(getOperationName(), location, adaptor,
                            /*shorter=*/false)))
    return failure();
  RankedTensorType q = getTensorType(adaptor.getQ()),
                   k = getTensorType(adaptor.getK());
  ArrayRef<int64_t> shape = q.getShape();
  if (getTensorType(adaptor.getO()).getShape() != shape ||
      getTensorType(adaptor.getDO()).getShape() != shape ||
      getTensorType(adaptor.getLse()).getShape() != shape.drop_back())
    return emitOptionalError(location, "'pg.attention_grad' needs o and its "
                                       "gradient like q, and lse [B, T, H]");
  Type element = getSumType(q.getElementType());
  results.append({q.clone(element), k.clone(element), k.clone(element)});
  return success();
}

LogicalResult XsaOp::inferReturnTypes(MLIRContext *,
                                      std::optional<Location> location,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &results) {
  RankedTensorType y = getTensorType(adaptor.getY()),
                   v = getTensorType(adaptor.getV());
  if (y.getElementType() != v.getElementType())
    return emitOptionalError(
        location, "'pg.xsa' needs operands of one element type, not ",
        y.getElementType(), " and ", v.getElementType());
  results.push_back(y);
  return checkHeads(getOperationName(), location, y.getShape(), v.getShape());
}
