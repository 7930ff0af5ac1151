// Code generation: sched.kernel to machine code.
//
// A kernel becomes one function with the fixed interface
//     void symbol(int64_t chunk, void *const *buffers, const double *scalars,
//     void *scratch);
// `buffers` has one pointer per operand tensor, then one per result; `scratch`
// is the calling thread's own, 64-byte aligned. The function is called once for
// each chunk in [0, chunks), by any thread, in any order; no two chunks write
// the same memory, and no bit of a result depends on who calls what when.
// Tensors are dense and row-major, i1 is a byte, bf16 two bytes; each buffer is
// 64-byte aligned and may be read (never written) up to 64 bytes past its end.
#pragma once

#include "compiler/target/Lower.h"
#include "compiler/target/Target.h"
#include "dialects/sched/Sched.h"
#include "mlir/IR/BuiltinOps.h"

namespace pgc {

/// Checks that code can be generated for the kernel and completes its
/// attributes: `chunks` (if absent), `scratch`, `flops` and `bytes` (of one
/// launch). None depends on the target, except `scratch`, which holds for every
/// target.
mlir::LogicalResult planKernel(pg::sched::KernelOp kernel);

/// Adds the kernel's function, a func.func in the arith, math, scf, vector and
/// llvm dialects, to `out`. The kernel must have been planned.
mlir::LogicalResult emitKernel(pg::sched::KernelOp kernel, const Target &target,
                               mlir::ModuleOp out);

/// Compiles all planned kernels of `module` to one ELF shared object, which
/// exports their symbols; returns its bytes. Uses up to `threads` threads (0:
/// one for each processor). With `assembly` the result is their assembly text
/// instead. `frames`: if given, what came of each function, in the order of
/// the kernels, after those of functions that kernels share.
mlir::FailureOr<std::string>
compileKernels(mlir::ModuleOp module, const Target &target,
               unsigned threads = 0, bool assembly = false,
               std::vector<FunctionFrame> *frames = nullptr);

//===----------------------------------------------------------------------===//
// One pair of functions for each kind (see sched.kernel)
//===----------------------------------------------------------------------===//

mlir::LogicalResult planRowsKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitRowsKernel(pg::sched::KernelOp kernel,
                                   const Target &target, mlir::ModuleOp out);
mlir::LogicalResult planLoopsKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitLoopsKernel(pg::sched::KernelOp kernel,
                                    const Target &target, mlir::ModuleOp out);
/// Whether a kernel of kind "loops" is one operation that has loops of its own;
/// otherwise it is computed as kind "rows".
bool hasOwnLoops(pg::sched::KernelOp kernel);
mlir::LogicalResult planEmbedKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitEmbedKernel(pg::sched::KernelOp kernel,
                                    const Target &target, mlir::ModuleOp out);
mlir::LogicalResult planEmbedGradKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitEmbedGradKernel(pg::sched::KernelOp kernel,
                                        const Target &target,
                                        mlir::ModuleOp out);
mlir::LogicalResult planProductKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitProductKernel(pg::sched::KernelOp kernel,
                                      const Target &target, mlir::ModuleOp out);
mlir::LogicalResult planAttentionKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitAttentionKernel(pg::sched::KernelOp kernel,
                                        const Target &target,
                                        mlir::ModuleOp out);
mlir::LogicalResult planAttentionGradKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitAttentionGradKernel(pg::sched::KernelOp kernel,
                                            const Target &target,
                                            mlir::ModuleOp out);

} // namespace pgc
