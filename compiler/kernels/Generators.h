// What code generation for CPUs and for GPUs has in common: a pair of functions
// for each kind of kernel, and batches of kernels that threads compile.
#pragma once

#include "compiler/target/Target.h"
#include "dialects/sched/Sched.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace pgc {

/// Of one kind of kernel.
struct Generator {
  llvm::StringLiteral kind;
  mlir::LogicalResult (*plan)(pg::sched::KernelOp);
  mlir::LogicalResult (*emit)(pg::sched::KernelOp, const Target &,
                              mlir::ModuleOp);
};

/// That of the kernel's kind. If there is none: null, and an error at the
/// kernel, which calls it "no `what` for kernels of kind …".
const Generator *findGenerator(llvm::ArrayRef<Generator> generators,
                               pg::sched::KernelOp kernel,
                               llvm::StringRef what);

/// How many kernels are compiled together. What is in a batch depends on the
/// module alone, so that every machine makes the same code in the same order.
constexpr size_t kernelsOfABatch = 6;

/// Loads and registers the dialects that emitted kernels are made of, which has
/// to happen before threads start: it is not thread-safe.
void prepareCodegen(mlir::MLIRContext *context);

/// Calls compile(i) for each i < count, in rising order, on up to `threads`
/// threads (0: one for each processor; one, if the context is for one alone).
/// Starts no more once one has failed; then the result is failure.
mlir::LogicalResult
compileInParallel(mlir::MLIRContext *context, size_t count, unsigned threads,
                  llvm::function_ref<mlir::LogicalResult(size_t)> compile);

} // namespace pgc
