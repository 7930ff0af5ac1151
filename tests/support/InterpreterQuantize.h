// The interpreter's quantisers.
#pragma once

#include "tests/support/Interpreter.h"

namespace pgtest {

/// The results of pg.gptq or pg.svd; nothing for any other operation.
std::vector<Tensor> evaluateQuantizer(mlir::Operation *op,
                                      llvm::ArrayRef<Tensor> operands);

} // namespace pgtest
