// Quantiles without sorting.
#pragma once

#include "compiler/kernels/KernelBuilder.h"

namespace pgc {

/// The value at `place`, a whole number or between two, of the n sorted scalars
/// that `at` gives by their numbers; interpolates linearly. `element` is f32 or
/// f64. Takes a pass over the scalars for each bit of their type, and no
/// memory.
mlir::Value buildQuantile(KernelBuilder &k, mlir::Type element, int64_t n,
                          double place,
                          llvm::function_ref<mlir::Value(mlir::Value j)> at);

} // namespace pgc
