// Code generation for GPUs: sched.kernel to PTX.
//
// A kernel is one launch. Its parameters are one pointer for each operand
// tensor, then one for each result, in global memory; if it has scalars, a
// pointer to that many doubles; then its tensor maps. Memory is laid out as for
// the CPU (compiler/kernels/Codegen.h). No bit of a result depends on the order
// in which blocks or threads run: there are no atomics on floats.
//
// Emitted are func.func in the arith, scf, vector, llvm and nvvm dialects, by
// KernelBuilder (compiler/kernels), whose members `block`, `thread` and
// `tensorMaps` are for such kernels, and by compiler/gpu/GpuOps.h.
#pragma once

#include "compiler/target/Target.h"
#include "dialects/sched/GpuLaunch.h"
#include "mlir/IR/BuiltinOps.h"

namespace pgc {

/// Checks that code can be generated for the kernel and completes its
/// attributes: `gpu` or `library`, and `chunks`, `flops` and `bytes`.
mlir::LogicalResult planGpuKernel(pg::sched::KernelOp kernel);

/// Adds the kernel's function to `out`. The kernel must have been planned, and
/// have `gpu`.
mlir::LogicalResult emitGpuKernel(pg::sched::KernelOp kernel,
                                  const Target &target, mlir::ModuleOp out);

/// What one kernel's code uses.
struct GpuResources {
  std::string name;
  int64_t tensorCore = 0; ///< instructions in the PTX that multiply there
  // What ptxas says, if it is on the path.
  int64_t registers = 0;   ///< of a thread
  int64_t sharedBytes = 0; ///< of a block, beside the launch's dynamic ones
  int64_t stackBytes = 0;
  int64_t spillStores = 0, spillLoads = 0; ///< bytes
};

/// The same for a kernel that is made of parts (GpuLaunch::parts).
mlir::LogicalResult emitGpuGroup(pg::sched::KernelOp kernel,
                                 const Target &target, mlir::ModuleOp out);

struct GpuCode {
  std::string ptx;                     ///< of all kernels
  std::string cubin;                   ///< empty without ptxas
  std::vector<GpuResources> resources; ///< of each kernel
};

/// Compiles all planned kernels of `module` that have `gpu`. Uses up to
/// `threads` threads (0: one for each processor). `assemble`: has ptxas, if it
/// is on the path, make a cubin.
mlir::FailureOr<GpuCode> compileGpuKernels(mlir::ModuleOp module,
                                           const Target &target,
                                           unsigned threads = 0,
                                           bool assemble = true);

/// What the code should not have: a sentence for each kernel whose registers
/// ptxas spills ("[spills]"), and for each product of bf16 or attention without
/// tensor cores ("[no-tensor-cores]").
std::vector<std::string> findFlaws(mlir::ModuleOp module, const GpuCode &code);

//===----------------------------------------------------------------------===//
// One pair of functions for each kind (see sched.kernel)
//===----------------------------------------------------------------------===//

mlir::LogicalResult planGpuRowsKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitGpuRowsKernel(pg::sched::KernelOp kernel,
                                      const Target &target, mlir::ModuleOp out);
mlir::LogicalResult planGpuEmbedKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitGpuEmbedKernel(pg::sched::KernelOp kernel,
                                       const Target &target,
                                       mlir::ModuleOp out);
mlir::LogicalResult planGpuEmbedGradKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitGpuEmbedGradKernel(pg::sched::KernelOp kernel,
                                           const Target &target,
                                           mlir::ModuleOp out);
mlir::LogicalResult planGpuLoopsKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitGpuLoopsKernel(pg::sched::KernelOp kernel,
                                       const Target &target,
                                       mlir::ModuleOp out);
mlir::LogicalResult planGpuProductKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitGpuProductKernel(pg::sched::KernelOp kernel,
                                         const Target &target,
                                         mlir::ModuleOp out);
mlir::LogicalResult planGpuAttentionKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitGpuAttentionKernel(pg::sched::KernelOp kernel,
                                           const Target &target,
                                           mlir::ModuleOp out);
mlir::LogicalResult planGpuAttentionGradKernel(pg::sched::KernelOp kernel);
mlir::LogicalResult emitGpuAttentionGradKernel(pg::sched::KernelOp kernel,
                                               const Target &target,
                                               mlir::ModuleOp out);

} // namespace pgc
