// Kernels of kind "rows": everything that is computed row by row.
#include "compiler/kernels/Codegen.h"
#include "compiler/kernels/RowsEmitter.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

/// Operations counted as one for an element each; what is rarer than one for an operand's element is left out.
static int64_t countFlops(KernelOp kernel) {
  int64_t flops = 0;
  for (Operation &op : kernel.getBlock().without_terminator()) {
    bool sums = isa<pg::ReduceOp, pg::PartialSumOp>(op);
    if (!sums && !KernelBuilder::isElementwise(&op))
      continue;
    flops += cast<RankedTensorType>(sums ? op.getOperand(0).getType() : op.getResult(0).getType()).getNumElements();
  }
  return flops;
}

LogicalResult planRowsKernel(KernelOp kernel) {
  std::optional<RowsPlan> plan = RowsPlan::make(kernel);
  if (!plan)
    return failure();
  int64_t bytes = 0;
  auto count = [&](Type type) { bytes += pg::sched::getByteSize(cast<RankedTensorType>(type)); };
  for (BlockArgument argument : kernel.getTensorArguments())
    count(argument.getType());
  for (auto [i, type] : llvm::enumerate(kernel.getYielded().getTypes())) {
    count(type);
    if (kernel.accumulates(i))
      count(type);
  }
  if (!kernel.getChunks()) {
    // A chunk has some 64 KiB to read and write, so that starting it costs little.
    int64_t chunks = std::clamp<int64_t>(bytes / 65536, 1, std::min<int64_t>(plan->rowCount, 512));
    kernel.setChunks(llvm::divideCeil(plan->rowCount, llvm::divideCeil(plan->rowCount, chunks)));
  }
  kernel.setScratch(plan->scratch);
  kernel.setFlops(countFlops(kernel));
  kernel.setBytes(bytes);
  return success();
}

LogicalResult emitRowsKernel(KernelOp kernel, const Target &target, ModuleOp out) {
  std::optional<RowsPlan> plan = RowsPlan::make(kernel);
  if (!plan)
    return failure();
  RowsEmitter(*plan, target, out).emit();
  return success();
}

} // namespace pgc
