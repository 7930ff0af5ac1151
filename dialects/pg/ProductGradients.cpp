// Gradients of products and tables.
#include "dialects/pg/Building.h"

using namespace mlir;
using namespace pg;

using Grads = SmallVectorImpl<Value>;

namespace {
/// All axes but the last `keep` ones as one.
Value collapseLead(ImplicitLocOpBuilder &b, Value x, int64_t keep) {
  ArrayRef<int64_t> shape = getTensorType(x).getShape();
  Shape collapsed = {getTensorType(x).getNumElements()};
  for (int64_t size : shape.take_back(keep)) {
    collapsed[0] /= size;
    collapsed.push_back(size);
  }
  return buildReshape(b, x, collapsed);
}
} // namespace

// y = x wᵀ: dx = g w; dw = gᵀ x, summed over all rows.
void LinearOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                             Grads &grads) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value g = collapseLead(b, resultGrads[0], 1), x = collapseLead(b, getX(), 1);
  Value dx = MatmulOp::create(b, g, getW());
  grads[0] = buildReshape(b, dx, getX().getType().getShape());
  grads[1] = MatmulOp::create(b, g, x, /*transposeA=*/true);
}

// y = A B, where A and B are the operands, possibly transposed: dA = g Bᵀ, dB =
// Aᵀ g.
void MatmulOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                             Grads &grads) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value g = resultGrads[0];
  bool ta = getTransposeA(), tb = getTransposeB();
  if (ta)
    grads[0] = MatmulOp::create(b, getB(), g, tb, /*transposeB=*/true);
  else
    grads[0] = MatmulOp::create(b, g, getB(), /*transposeA=*/false, !tb);

  Value a = getA();
  if (getB().getType().getRank() == 2 && !ta) {
    // One matrix for all leading axes: their sum is part of the product.
    a = collapseLead(b, a, 1);
    g = collapseLead(b, g, 1);
  }
  if (tb)
    grads[1] = MatmulOp::create(b, g, a, /*transposeA=*/true, ta);
  else
    grads[1] = MatmulOp::create(b, a, g, !ta, /*transposeB=*/false);
}

void EmbedOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                            Grads &grads) {
  grads[0] = EmbedGradOp::create(builder, getLoc(), resultGrads[0], getIds(),
                                 getTable().getType().getDimSize(0));
}

// g where the index is the id, else 0.
void PickOp::buildGradient(OpBuilder &builder, ValueRange resultGrads,
                           Grads &grads) {
  ImplicitLocOpBuilder b(getLoc(), builder);
  Value index =
      IotaOp::create(b, getZ().getType().getShape(), lastAxis(getZ()));
  Value ids = buildReshape(b, getIds(), getType().getShape());
  Value hit = CompareOp::create(b, Predicate::eq, index, ids);
  grads[0] = SelectOp::create(b, hit, resultGrads[0],
                              buildScalar(b, 0, resultGrads[0]));
}
