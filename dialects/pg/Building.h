// Helpers to build `pg` operations: constants, broadcasts, sums.
#pragma once

#include "dialects/pg/Pg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace pg {

/// A scalar constant, of shape [], in the element type of `like`.
mlir::Value buildScalar(mlir::ImplicitLocOpBuilder &b, double value,
                        mlir::Value like);

/// `value` times a number.
mlir::Value buildScaled(mlir::ImplicitLocOpBuilder &b, mlir::Value value,
                        double factor);

/// The sum over `axes`, which stay with size 1.
mlir::Value buildSum(mlir::ImplicitLocOpBuilder &b, mlir::Value value,
                     llvm::ArrayRef<int64_t> axes);

/// The index of the last axis; the rank must not be 0.
int64_t lastAxis(mlir::Value value);

/// `value`, of shape `shape`: itself, or reshaped.
mlir::Value buildReshape(mlir::ImplicitLocOpBuilder &b, mlir::Value value,
                         llvm::ArrayRef<int64_t> shape);

/// `value`, of shape `shape`: itself, or broadcast.
mlir::Value buildBroadcast(mlir::ImplicitLocOpBuilder &b, mlir::Value value,
                           llvm::ArrayRef<int64_t> shape);

/// The reverse of broadcasting: sums `value` over the axes along which a tensor
/// of shape `shape` would be spread to get its shape.
mlir::Value buildSumToShape(mlir::ImplicitLocOpBuilder &b, mlir::Value value,
                            llvm::ArrayRef<int64_t> shape);

/// The number of elements along `axes`.
int64_t countAlong(mlir::Value value, llvm::ArrayRef<int64_t> axes);

} // namespace pg
