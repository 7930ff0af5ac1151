#include "dialects/pg/WeightUse.h"

using namespace mlir;

namespace pg {

std::optional<WeightUse> getWeightUse(Operation *op) {
  Value x, w;
  bool transposed = true; // w is [columns, contracted]
  if (auto linear = dyn_cast<LinearOp>(op)) {
    x = linear.getX();
    w = linear.getW();
  } else if (auto matmul = dyn_cast<MatmulOp>(op)) {
    if (matmul.getTransposeA())
      return std::nullopt;
    x = matmul.getA();
    w = matmul.getB();
    transposed = matmul.getTransposeB();
  } else {
    return std::nullopt;
  }
  if (getTensorType(w).getRank() != 2)
    return std::nullopt;
  while (auto transpose = w.getDefiningOp<TransposeOp>()) {
    w = transpose.getX();
    if (transpose.getPermutation()[0] == 1)
      transposed = !transposed;
  }
  auto load = w.getDefiningOp<LoadOp>();
  if (!load)
    return std::nullopt;
  int64_t axis = transposed ? 1 : 0;
  return WeightUse{x, load, axis, load.getType().getShape()[axis]};
}

} // namespace pg
