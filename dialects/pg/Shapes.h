// Shapes of tensors: how they broadcast, and what remains after a reduction.
#pragma once

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeRange.h"
#include "mlir/IR/ValueRange.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>

namespace pg {

using Shape = llvm::SmallVector<int64_t, 4>;

/// The type of a tensor; the value must be one.
mlir::RankedTensorType getTensorType(mlir::Value value);

/// The shape that two shapes broadcast to: lined up at their last axes, sizes
/// are equal, or 1, or missing. Nothing if they don't line up.
std::optional<Shape> broadcastShapes(llvm::ArrayRef<int64_t> a,
                                     llvm::ArrayRef<int64_t> b);

/// `shape` with size 1 at `axes`.
Shape reduceShape(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> axes);

/// 0, 1, …, rank - 1.
Shape allAxes(int64_t rank);

/// The element type in which products are summed: f64 of f64, f32 of f32 and
/// bf16.
mlir::Type getSumType(mlir::Type elementType);

/// The result of an elementwise operation: the broadcast shape, with the
/// elements of the first operand. Fails if shapes don't line up or element
/// types differ, with an error if there is a location.
llvm::LogicalResult
inferElementwise(llvm::StringRef name, std::optional<mlir::Location> location,
                 mlir::ValueRange operands,
                 llvm::SmallVectorImpl<mlir::Type> &results);

} // namespace pg
