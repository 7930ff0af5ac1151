// The interpreter's products, gathers, statistics and attention.
#pragma once

#include "tests/support/Interpreter.h"

namespace pgtest {

/// The results of such an operation; nothing for any other.
std::vector<Tensor> evaluateProducts(mlir::Operation *op,
                                     llvm::ArrayRef<Tensor> operands);

} // namespace pgtest
