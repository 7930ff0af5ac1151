// Kernels over rows that compute, from what they read, more of what they read.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace pgc {

/// An activation that is held in bf16, and that a kernel over rows reads beside
/// what it was made from by a few elementwise operations, is made again in that
/// kernel: it is read there no more, and may be gone by then. Numbers do not
/// change.
void recomputeInputs(mlir::func::FuncOp function);

} // namespace pgc
