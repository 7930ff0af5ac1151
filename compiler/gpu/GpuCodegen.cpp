// Code generation for GPUs: the kinds of kernels, and compilation of all
// kernels of a module.
#include "compiler/gpu/GpuCodegen.h"
#include "compiler/gpu/GpuResources.h"
#include "compiler/gpu/Ptxas.h"
#include "compiler/kernels/Generators.h"
#include "compiler/target/Lower.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

static const Generator generators[] = {
    {"rows", planGpuRowsKernel, emitGpuRowsKernel},
    {"loops", planGpuLoopsKernel, emitGpuLoopsKernel},
    {"embed", planGpuEmbedKernel, emitGpuEmbedKernel},
    {"embed_grad", planGpuEmbedGradKernel, emitGpuEmbedGradKernel},
    {"product", planGpuProductKernel, emitGpuProductKernel},
    {"attention", planGpuAttentionKernel, emitGpuAttentionKernel},
    {"attention_grad", planGpuAttentionGradKernel, emitGpuAttentionGradKernel},
};

static const Generator *generatorOf(KernelOp kernel) {
  return findGenerator(generators, kernel, "GPU code generator");
}

LogicalResult planGpuKernel(KernelOp kernel) {
  if (kernel.getGpu() &&
      (pg::sched::getCopies(kernel) > 1 || kernel.getGpu()->contains("parts")))
    return success(); // what it is made of was planned
  const Generator *generator = generatorOf(kernel);
  return generator ? generator->plan(kernel) : failure();
}

LogicalResult emitGpuKernel(KernelOp kernel, const Target &target,
                            ModuleOp out) {
  if (kernel.getGpu()->contains("parts"))
    return emitGpuGroup(kernel, target, out);
  const Generator *generator = generatorOf(kernel);
  return generator ? generator->emit(kernel, target, out) : failure();
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
  prepareCodegen(context);
  registerNVVMDialectTranslation(*context);

  std::vector<OwningOpRef<ModuleOp>> batches;
  size_t count = 0;
  for (KernelOp kernel : module.getOps<KernelOp>()) {
    if (!kernel.getGpu())
      continue;
    if (count++ % kernelsOfABatch == 0)
      batches.push_back(ModuleOp::create(kernel.getLoc()));
    if (failed(emitGpuKernel(kernel, target, *batches.back())))
      return failure();
  }
  std::vector<std::string> texts(batches.size());
  if (failed(compileInParallel(
          context, batches.size(), threads, [&](size_t i) -> LogicalResult {
            FailureOr<std::string> text = compileToPtx(*batches[i], target);
            if (failed(text))
              return failure();
            texts[i] = std::move(*text);
            return success();
          })))
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
