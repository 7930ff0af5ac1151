// Code generation for CPUs: the kinds of kernels, and compilation of all
// kernels of a module.
#include "compiler/kernels/Codegen.h"
#include "compiler/kernels/Generators.h"
#include "compiler/target/Lower.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

static const Generator generators[] = {
    {"rows", planRowsKernel, emitRowsKernel},
    {"loops", planLoopsKernel, emitLoopsKernel},
    {"embed", planEmbedKernel, emitEmbedKernel},
    {"embed_grad", planEmbedGradKernel, emitEmbedGradKernel},
    {"product", planProductKernel, emitProductKernel},
    {"attention", planAttentionKernel, emitAttentionKernel},
    {"attention_grad", planAttentionGradKernel, emitAttentionGradKernel},
};

static const Generator *generatorOf(KernelOp kernel) {
  return findGenerator(generators, kernel, "code generator");
}

LogicalResult planKernel(KernelOp kernel) {
  const Generator *generator = generatorOf(kernel);
  return generator ? generator->plan(kernel) : failure();
}

LogicalResult emitKernel(KernelOp kernel, const Target &target, ModuleOp out) {
  const Generator *generator = generatorOf(kernel);
  return generator ? generator->emit(kernel, target, out) : failure();
}

/// Moves the functions that kernels of several modules call (private ones, see
/// Tile.h) to a module of their own.
static OwningOpRef<ModuleOp>
shareFunctions(MutableArrayRef<OwningOpRef<ModuleOp>> modules) {
  OwningOpRef<ModuleOp> library = ModuleOp::create(modules.front()->getLoc());
  for (OwningOpRef<ModuleOp> &module : modules)
    for (func::FuncOp function : module->getOps<func::FuncOp>()) {
      if (!function.isPrivate() || function.isDeclaration())
        continue;
      if (!library->lookupSymbol(function.getName()))
        library->push_back(function->clone());
      function.eraseBody();
    }
  return library;
}

static FailureOr<std::string>
compileEmitted(ModuleOp module, const Target &target, CodeForm form,
               std::vector<FunctionFrame> &frames) {
  if (failed(verify(module)) || failed(lowerToLLVM(module)))
    return failure();
  return compileModule(module, target, form, frames);
}

FailureOr<std::string> compileKernels(ModuleOp module, const Target &target,
                                      unsigned threads, bool assembly,
                                      std::vector<FunctionFrame> *frames) {
  MLIRContext *context = module.getContext();
  prepareCodegen(context);

  std::vector<OwningOpRef<ModuleOp>> batches;
  for (auto [i, kernel] : llvm::enumerate(module.getOps<KernelOp>())) {
    if (i % kernelsOfABatch == 0)
      batches.push_back(ModuleOp::create(kernel.getLoc()));
    if (failed(emitKernel(kernel, target, *batches.back())))
      return failure();
  }
  if (!batches.empty())
    batches.push_back(shareFunctions(batches));
  std::vector<std::string> objects(batches.size());
  std::vector<std::vector<FunctionFrame>> batchFrames(batches.size());
  CodeForm form = assembly ? CodeForm::Assembly : CodeForm::Object;
  auto compileBatch = [&](size_t n) -> LogicalResult {
    // The shared functions first: they take longest.
    size_t i = batches.size() - 1 - n;
    FailureOr<std::string> object =
        compileEmitted(*batches[i], target, form, batchFrames[i]);
    if (failed(object))
      return failure();
    objects[i] = std::move(*object);
    return success();
  };
  if (failed(compileInParallel(context, batches.size(), threads, compileBatch)))
    return failure();
  if (frames && !batches.empty()) {
    // The last batch holds the shared functions.
    std::rotate(batchFrames.begin(), batchFrames.end() - 1, batchFrames.end());
    for (std::vector<FunctionFrame> &some : batchFrames)
      frames->insert(frames->end(), some.begin(), some.end());
  }
  if (assembly)
    return llvm::join(objects, "\n");
  std::string error;
  FailureOr<std::string> library = linkSharedObject(objects, error);
  if (failed(library))
    return module.emitError(error), failure();
  return library;
}

} // namespace pgc
