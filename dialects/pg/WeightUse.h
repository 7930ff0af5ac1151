// Products of activations with parameters.
#pragma once

#include "dialects/pg/Pg.h"
#include <optional>

namespace pg {

/// A product x wᵀ (or x w) whose right operand is a variable.
struct WeightUse {
  mlir::Value x; // [..., n]
  LoadOp weight;
  int64_t axis;       // of the variable: the one that is contracted
  int64_t contracted; // its size: that of XᵀX
};

/// The use of a variable that `op` is: `pg.linear` by it, or `pg.matmul` by it
/// or by its transpose. Nothing for anything else, for products with several
/// matrices, and where a gradient is contracted along positions.
std::optional<WeightUse> getWeightUse(mlir::Operation *op);

} // namespace pg
