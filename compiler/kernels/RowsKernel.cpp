// Kernels of kind "rows": everything that is computed row by row.
#include "compiler/kernels/Codegen.h"
#include "compiler/kernels/RowsEmitter.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

/// Operations counted as one for an element each; what is rarer than one for an
/// operand's element is left out.
static int64_t countFlops(KernelOp kernel) {
  int64_t flops = 0;
  for (Operation &op : kernel.getBlock().without_terminator()) {
    bool sums = isa<pg::ReduceOp, pg::PartialSumOp>(op);
    if (!sums && !KernelBuilder::isElementwise(&op))
      continue;
    flops += cast<RankedTensorType>(sums ? op.getOperand(0).getType()
                                         : op.getResult(0).getType())
                 .getNumElements();
  }
  return flops;
}

/// A kernel of one large row that sums nothing over it has rows after all: the
/// first axis of its results. Then threads can share the work.
static void findRows(KernelOp kernel) {
  if (kernel.getOuter().value_or(0) != 0 ||
      kernel.getChunks().value_or(1) != 1 || kernel.getYielded().empty())
    return;
  auto type = cast<RankedTensorType>(kernel.getYielded().front().getType());
  if (type.getRank() < 2 || type.getDimSize(0) < 2 ||
      type.getNumElements() < 1 << 15)
    return;
  for (Type other : kernel.getYielded().getTypes())
    if (auto tensor = cast<RankedTensorType>(other);
        tensor.getRank() < 1 || tensor.getDimSize(0) != type.getDimSize(0))
      return;
  for (Operation &op : kernel.getBlock().without_terminator())
    if (isa<pg::ReduceOp, pg::PartialSumOp>(op))
      return;
  kernel.setOuter(1);
  kernel.removeChunksAttr();
  ScopedDiagnosticHandler quiet(kernel.getContext(),
                                [](Diagnostic &) { return success(); });
  if (!RowsPlan::make(kernel))
    kernel.setOuter(0);
}

LogicalResult planRowsKernel(KernelOp kernel) {
  findRows(kernel);
  std::optional<RowsPlan> plan = RowsPlan::make(kernel);
  if (!plan)
    return failure();
  int64_t bytes = 0;
  auto count = [&](Type type) {
    bytes += pg::sched::getByteSize(cast<RankedTensorType>(type));
  };
  for (BlockArgument argument : kernel.getTensorArguments())
    count(argument.getType());
  for (auto [i, type] : llvm::enumerate(kernel.getYielded().getTypes())) {
    count(type);
    if (kernel.accumulates(i))
      count(type);
  }
  if (!kernel.getChunks()) {
    // A chunk has some 64 KiB to read and write, so that starting it costs
    // little.
    int64_t chunks = std::clamp<int64_t>(
        bytes / 65536, 1, std::min<int64_t>(plan->rowCount, 512));
    kernel.setChunks(llvm::divideCeil(
        plan->rowCount, llvm::divideCeil(plan->rowCount, chunks)));
  }
  kernel.setScratch(plan->scratch);
  kernel.setFlops(countFlops(kernel));
  kernel.setBytes(bytes);
  return success();
}

LogicalResult emitRowsKernel(KernelOp kernel, const Target &target,
                             ModuleOp out) {
  std::optional<RowsPlan> plan = RowsPlan::make(kernel);
  if (!plan)
    return failure();
  RowsEmitter(*plan, target, out).emit();
  return success();
}

} // namespace pgc
