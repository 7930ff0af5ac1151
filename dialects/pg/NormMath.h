// What the composites' decompositions and gradients share, so that common parts
// are computed once.
#pragma once

#include "dialects/pg/Building.h"

namespace pg {

/// 1 / sqrt(mean(x²) + eps) over the last axis, which stays with size 1.
mlir::Value buildRmsScale(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

/// A vector's norm and what `normalize` divides by, over the last axis, which
/// stays with size 1.
struct VectorNorm {
  mlir::Value norm, divisor;
};
VectorNorm buildVectorNorm(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

/// The gradient of x in y = x / divisor from that of y.
mlir::Value buildNormalizeGradient(mlir::ImplicitLocOpBuilder &b,
                                   VectorNorm norm, mlir::Value y,
                                   mlir::Value g);

/// exp(x - m) with m the maximum along an axis, and m and the sum of these
/// along the axis, which stays with size 1.
struct Exponentials {
  mlir::Value top, terms, sum;
};
Exponentials buildExponentials(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                               int64_t axis);

/// log Σ exp(x) along an axis, which stays with size 1.
mlir::Value buildLogSumExp(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                           int64_t axis);

/// exp(x) / Σ exp(x) along an axis, from the parts that its logarithm is made
/// of.
mlir::Value buildSoftmax(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                         int64_t axis);

/// The mean over axes, which stay with size 1.
mlir::Value buildMean(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                      llvm::ArrayRef<int64_t> axes);

/// The sum of squares over axes.
mlir::Value buildSquares(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                         llvm::ArrayRef<int64_t> axes);

/// What exclusive self-attention is made of, with the heads of a group on an
/// axis of their own: y and n = v / max(‖v‖, 1e-12) as [B, T, K, G, D] and [B,
/// T, K, 1, D], and the products y·n.
struct ExclusiveParts {
  VectorNorm norm;
  mlir::Value y, n, dot;
};
ExclusiveParts buildExclusiveParts(mlir::ImplicitLocOpBuilder &b, mlir::Value y,
                                   mlir::Value v);

} // namespace pg
