// Kernels of kind "loops" on a GPU: the CPU's loops, a thread for each element
// or line.
#include "compiler/gpu/GpuCodegen.h"
#include "compiler/kernels/Codegen.h"
#include "dialects/pg/Pg.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Into how many independent pieces the operation falls.
static int64_t countPieces(Operation *op) {
  int64_t elements = typeOf(op->getResult(0)).getNumElements();
  if (auto cumsum = dyn_cast<pg::CumsumOp>(op))
    return elements / typeOf(cumsum.getX()).getDimSize(cumsum.getAxis());
  return elements;
}

/// The sums of embed_grad have a kernel that is fast as well.
static bool isEmbedGrad(KernelOp kernel) {
  return kernel.getYielded().size() == 1 &&
         kernel.getYielded().front().getDefiningOp<pg::EmbedGradOp>();
}

LogicalResult planGpuLoopsKernel(KernelOp kernel) {
  if (isEmbedGrad(kernel))
    return planGpuEmbedGradKernel(kernel);
  if (failed(planLoopsKernel(kernel)))
    return failure();
  if (!hasOwnLoops(kernel))
    return planGpuRowsKernel(kernel);
  Operation *op = kernel.getYielded().front().getDefiningOp();
  constexpr int64_t threads = 128, mostThreads = int64_t(1) << 22;
  int64_t blocks = std::clamp<int64_t>(
      llvm::divideCeil(std::min(countPieces(op), mostThreads), threads), 1,
      mostThreads / threads);
  GpuLaunch launch;
  launch.grid[0] = blocks;
  launch.threads = threads;
  kernel.setChunks(blocks * threads);
  kernel.setGpuAttr(launch.toAttr(kernel.getContext()));
  return success();
}

LogicalResult emitGpuLoopsKernel(KernelOp kernel, const Target &target,
                                 ModuleOp out) {
  if (getCopies(kernel) > 1)
    return emitGpuRowsKernel(kernel, target, out);
  if (isEmbedGrad(kernel))
    return emitGpuEmbedGradKernel(kernel, target, out);
  return hasOwnLoops(kernel) ? emitLoopsKernel(kernel, target, out)
                             : emitGpuRowsKernel(kernel, target, out);
}

} // namespace pgc
