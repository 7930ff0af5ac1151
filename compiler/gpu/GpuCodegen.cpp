// Dispatch by kind of kernel, and compilation of all kernels of a module in
// parallel.
#include "compiler/gpu/GpuCodegen.h"
#include "compiler/gpu/GpuResources.h"
#include "compiler/gpu/Ptxas.h"
#include "compiler/target/Lower.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include <atomic>
#include <thread>

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

namespace {
struct Kind {
  StringLiteral name;
  LogicalResult (*plan)(KernelOp);
  LogicalResult (*emit)(KernelOp, const Target &, ModuleOp);
};
} // namespace

static const Kind kinds[] = {
    {"rows", planGpuRowsKernel, emitGpuRowsKernel},
    {"loops", planGpuLoopsKernel, emitGpuLoopsKernel},
    {"embed", planGpuEmbedKernel, emitGpuEmbedKernel},
    {"embed_grad", planGpuEmbedGradKernel, emitGpuEmbedGradKernel},
    {"product", planGpuProductKernel, emitGpuProductKernel},
    {"attention", planGpuAttentionKernel, emitGpuAttentionKernel},
    {"attention_grad", planGpuAttentionGradKernel, emitGpuAttentionGradKernel},
};

static const Kind *findKind(KernelOp kernel) {
  for (const Kind &kind : kinds)
    if (kind.name == kernel.getKind())
      return &kind;
  kernel.emitError("no GPU code generator for kernels of kind '")
      << kernel.getKind() << "'";
  return nullptr;
}

LogicalResult planGpuKernel(KernelOp kernel) {
  if (kernel.getGpu() &&
      (pg::sched::getCopies(kernel) > 1 || kernel.getGpu()->contains("parts")))
    return success(); // what it is made of was planned
  const Kind *kind = findKind(kernel);
  return kind ? kind->plan(kernel) : failure();
}

LogicalResult emitGpuKernel(KernelOp kernel, const Target &target,
                            ModuleOp out) {
  if (kernel.getGpu()->contains("parts"))
    return emitGpuGroup(kernel, target, out);
  const Kind *kind = findKind(kernel);
  return kind ? kind->emit(kernel, target, out) : failure();
}

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

static FailureOr<std::string> compileToPtx(ModuleOp module,
                                           const Target &target) {
  if (failed(verify(module)) || failed(lowerToLLVM(module)))
    return failure();
  std::vector<FunctionFrame> frames; // PTX has no registers yet: all empty
  return compileModule(module, target, CodeForm::Assembly, frames);
}

/// One PTX text of several: they differ in nothing before the first function or
/// variable.
static std::string joinPtx(ArrayRef<std::string> texts) {
  std::string all;
  for (StringRef text : texts) {
    if (!all.empty()) {
      constexpr StringLiteral last = ".address_size 64";
      text = text.substr(text.find(last) + last.size());
    }
    all += text;
  }
  // The back end ends its text with a zero byte.
  llvm::erase(all, '\0');
  return all;
}

FailureOr<GpuCode> compileGpuKernels(ModuleOp module, const Target &target,
                                     unsigned threads, bool assemble) {
  MLIRContext *context = module.getContext();
  // Dialects are loaded and registered before the threads start: that is not
  // thread-safe.
  context->loadDialect<arith::ArithDialect, cf::ControlFlowDialect,
                       func::FuncDialect, LLVM::LLVMDialect, NVVM::NVVMDialect,
                       scf::SCFDialect, vector::VectorDialect>();
  registerBuiltinDialectTranslation(*context);
  registerLLVMDialectTranslation(*context);
  registerNVVMDialectTranslation(*context);

  constexpr size_t batchSize = 6;
  std::vector<OwningOpRef<ModuleOp>> batches;
  size_t count = 0;
  for (KernelOp kernel : module.getOps<KernelOp>()) {
    if (!kernel.getGpu())
      continue;
    if (count++ % batchSize == 0)
      batches.push_back(ModuleOp::create(kernel.getLoc()));
    if (failed(emitGpuKernel(kernel, target, *batches.back())))
      return failure();
  }
  std::vector<std::string> texts(batches.size());
  std::atomic<size_t> next = 0;
  std::atomic<bool> failedBatch = false;
  auto work = [&] {
    for (size_t i = next++; i < batches.size() && !failedBatch; i = next++) {
      FailureOr<std::string> text = compileToPtx(*batches[i], target);
      if (failed(text))
        failedBatch = true;
      else
        texts[i] = std::move(*text);
    }
  };
  if (threads == 0)
    threads = std::max(1u, std::thread::hardware_concurrency());
  if (!context->isMultithreadingEnabled())
    threads = 1;
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < std::min<size_t>(threads, batches.size()); ++i)
    workers.emplace_back(work);
  work();
  for (std::thread &worker : workers)
    worker.join();
  if (failedBatch)
    return failure();
  GpuCode code;
  code.ptx = joinPtx(texts);
  code.resources = readPtx(code.ptx);
  std::string error;
  if (assemble && !code.ptx.empty() && failed(runPtxas(code, error)))
    return module.emitError(error), failure();
  return code;
}

} // namespace pgc
