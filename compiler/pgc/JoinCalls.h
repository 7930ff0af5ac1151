// What passes share that make one launch of several.
#pragma once

#include "dialects/sched/Sched.h"
#include "mlir/IR/SymbolTable.h"

namespace pgc {

/// One call of `whole` in the place of these, where the last of them stands:
/// tensors, results and variables are theirs in turn, then come `scalars`.
void joinCalls(llvm::ArrayRef<pg::sched::CallOp> calls,
               pg::sched::KernelOp whole, mlir::ValueRange scalars,
               const mlir::SymbolTable &symbols, mlir::Location location);

/// Kernels that nothing calls any more need no code of their own.
void dropUncalled(mlir::ModuleOp module,
                  llvm::ArrayRef<pg::sched::KernelOp> kernels);

} // namespace pgc
