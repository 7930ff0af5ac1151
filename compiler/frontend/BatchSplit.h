// Whether a batch may be computed in smaller ones.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace pgc {

/// True if the loss of a forward function is a mean over sequences of what each
/// sequence gives alone: then the mean of the losses of equal micro-batches is
/// the loss of the batch. False wherever that is not evident.
bool lossSplitsBySequence(mlir::func::FuncOp forward);

} // namespace pgc
