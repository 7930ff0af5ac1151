#include "compiler/pgc/JoinCalls.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {

void joinCalls(ArrayRef<CallOp> calls, KernelOp whole, ValueRange scalars,
               const SymbolTable &symbols, Location location) {
  SmallVector<Value> operands;
  SmallVector<Type> types;
  SmallVector<Attribute> accumulates;
  for (CallOp call : calls) {
    auto kernel = symbols.lookup<KernelOp>(call.getCallee());
    llvm::append_range(operands,
                       call.getOperands().drop_back(kernel.getScalars()));
    llvm::append_range(types, call.getResultTypes());
    if (call.getAccumulates())
      llvm::append_range(accumulates, *call.getAccumulates());
  }
  llvm::append_range(operands, scalars);
  OpBuilder b(calls.back());
  auto joined = CallOp::create(
      b, location, types, FlatSymbolRefAttr::get(whole.getSymNameAttr()),
      operands,
      accumulates.empty() ? ArrayAttr() : b.getArrayAttr(accumulates));
  auto results = joined.getResults();
  for (CallOp call : calls) {
    call.replaceAllUsesWith(results.take_front(call.getNumResults()));
    results = results.drop_front(call.getNumResults());
    call.erase();
  }
}

void dropUncalled(ModuleOp module, ArrayRef<KernelOp> kernels) {
  llvm::DenseSet<Attribute> called;
  module.walk([&](CallOp call) { called.insert(call.getCalleeAttr()); });
  for (KernelOp kernel : kernels)
    if (!called.contains(FlatSymbolRefAttr::get(kernel.getSymNameAttr())))
      kernel.removeGpuAttr();
}

} // namespace pgc
