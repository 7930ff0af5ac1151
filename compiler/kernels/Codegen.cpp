// Dispatch by kind of kernel, and compilation of all kernels of a module in
// parallel.
#include "compiler/kernels/Codegen.h"
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
    {"rows", planRowsKernel, emitRowsKernel},
    {"loops", planLoopsKernel, emitLoopsKernel},
    {"embed", planEmbedKernel, emitEmbedKernel},
    {"embed_grad", planEmbedGradKernel, emitEmbedGradKernel},
    {"product", planProductKernel, emitProductKernel},
    {"attention", planAttentionKernel, emitAttentionKernel},
    {"attention_grad", planAttentionGradKernel, emitAttentionGradKernel},
};

static const Kind *findKind(KernelOp kernel) {
  for (const Kind &kind : kinds)
    if (kind.name == kernel.getKind())
      return &kind;
  kernel.emitError("no code generator for kernels of kind '")
      << kernel.getKind() << "'";
  return nullptr;
}

LogicalResult planKernel(KernelOp kernel) {
  const Kind *kind = findKind(kernel);
  return kind ? kind->plan(kernel) : failure();
}

LogicalResult emitKernel(KernelOp kernel, const Target &target, ModuleOp out) {
  const Kind *kind = findKind(kernel);
  return kind ? kind->emit(kernel, target, out) : failure();
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
  // Dialects are loaded and registered before the threads start: that is not
  // thread-safe.
  context->loadDialect<arith::ArithDialect, cf::ControlFlowDialect,
                       func::FuncDialect, LLVM::LLVMDialect, NVVM::NVVMDialect,
                       scf::SCFDialect, vector::VectorDialect>();
  registerBuiltinDialectTranslation(*context);
  registerLLVMDialectTranslation(*context);

  // The batches depend on the module alone, so that every machine links the
  // same code in the same order.
  constexpr size_t batchSize = 6;
  std::vector<OwningOpRef<ModuleOp>> batches;
  for (auto [i, kernel] : llvm::enumerate(module.getOps<KernelOp>())) {
    if (i % batchSize == 0)
      batches.push_back(ModuleOp::create(kernel.getLoc()));
    if (failed(emitKernel(kernel, target, *batches.back())))
      return failure();
  }
  if (!batches.empty())
    batches.push_back(shareFunctions(batches));
  std::vector<std::string> objects(batches.size());
  std::vector<std::vector<FunctionFrame>> batchFrames(batches.size());
  std::atomic<size_t> next = 0;
  std::atomic<bool> failedBatch = false;
  CodeForm form = assembly ? CodeForm::Assembly : CodeForm::Object;
  auto work = [&] {
    for (size_t n = next++; n < batches.size() && !failedBatch; n = next++) {
      size_t i = batches.size() - 1 -
                 n; // the shared functions first: they take longest
      FailureOr<std::string> object =
          compileEmitted(*batches[i], target, form, batchFrames[i]);
      if (failed(object))
        failedBatch = true;
      else
        objects[i] = std::move(*object);
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
