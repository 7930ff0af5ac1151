#include "compiler/kernels/Generators.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include <atomic>
#include <thread>

using namespace mlir;

namespace pgc {

const Generator *findGenerator(ArrayRef<Generator> generators,
                               pg::sched::KernelOp kernel, StringRef what) {
  for (const Generator &generator : generators)
    if (generator.kind == kernel.getKind())
      return &generator;
  kernel.emitError("no ") << what << " for kernels of kind '"
                          << kernel.getKind() << "'";
  return nullptr;
}

void prepareCodegen(MLIRContext *context) {
  context->loadDialect<arith::ArithDialect, cf::ControlFlowDialect,
                       func::FuncDialect, LLVM::LLVMDialect, NVVM::NVVMDialect,
                       scf::SCFDialect, vector::VectorDialect>();
  registerBuiltinDialectTranslation(*context);
  registerLLVMDialectTranslation(*context);
}

LogicalResult compileInParallel(MLIRContext *context, size_t count,
                                unsigned threads,
                                function_ref<LogicalResult(size_t)> compile) {
  std::atomic<size_t> next = 0;
  std::atomic<bool> anyFailed = false;
  auto work = [&] {
    for (size_t i = next++; i < count && !anyFailed; i = next++)
      if (failed(compile(i)))
        anyFailed = true;
  };
  if (threads == 0)
    threads = std::max(1u, std::thread::hardware_concurrency());
  if (!context->isMultithreadingEnabled())
    threads = 1;
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < std::min<size_t>(threads, count); ++i)
    workers.emplace_back(work);
  work();
  for (std::thread &worker : workers)
    worker.join();
  return failure(anyFailed);
}

} // namespace pgc
