// Which operations on tensors are other views of the same memory.
#pragma once

#include "mlir/IR/Operation.h"
#include <optional>

namespace pgc {

/// If the result of `op` is a contiguous part of its operand's memory: from
/// which byte on.
std::optional<int64_t> contiguousOffset(mlir::Operation &op);

/// The same, if kernels may take that part as a buffer: it starts at a multiple
/// of 64 bytes.
std::optional<int64_t> viewOffset(mlir::Operation &op);

/// A value computed before a step: f64, or the i1 of a comparison of such.
bool isStepValue(mlir::Operation &op);

} // namespace pgc
