// Plans attention kernels for a GPU.
#include "compiler/gpu/GpuAttention.h"
#include "compiler/gpu/GpuCodegen.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

static void setLaunch(KernelOp kernel, const pg::sched::GpuLaunch &launch) {
  kernel.setGpuAttr(launch.toAttr(kernel.getContext()));
}

LogicalResult planGpuAttentionKernel(KernelOp kernel) {
  FailureOr<Attention> a = analyzeAttention(kernel, "pg.attention");
  if (failed(a))
    return failure();
  pg::sched::GpuLaunch launch = usesTensorCores(*a)
                                    ? getTensorLaunch(*a)
                                    : getPlainLaunch(*a, /*gradient=*/false);
  setLaunch(kernel, launch);
  return setAttentionPlan(kernel, *a, launch.grid[0], 0, 2);
}

LogicalResult emitGpuAttentionKernel(KernelOp kernel, const Target &target,
                                     ModuleOp out) {
  FailureOr<Attention> a = analyzeAttention(kernel, "pg.attention");
  if (failed(a))
    return failure();
  KernelBuilder kb(kernel, target, out);
  if (usesTensorCores(*a))
    emitTensorAttention(kb, *a);
  else
    emitPlainAttention(kb, *a);
  kb.finish();
  return success();
}

LogicalResult planGpuAttentionGradKernel(KernelOp kernel) {
  FailureOr<Attention> a = analyzeAttention(kernel, "pg.attention_grad");
  if (failed(a))
    return failure();
  pg::sched::GpuLaunch launch = usesTensorCores(*a)
                                    ? getTensorGradLaunch(*a)
                                    : getPlainLaunch(*a, /*gradient=*/true);
  setLaunch(kernel, launch);
  return setAttentionPlan(kernel, *a, launch.grid[0], 0, 5);
}

LogicalResult emitGpuAttentionGradKernel(KernelOp kernel, const Target &target,
                                         ModuleOp out) {
  FailureOr<Attention> a = analyzeAttention(kernel, "pg.attention_grad");
  if (failed(a))
    return failure();
  KernelBuilder kb(kernel, target, out);
  if (usesTensorCores(*a))
    emitTensorAttentionGrad(kb, *a);
  else
    emitPlainAttentionGrad(kb, *a);
  kb.finish();
  return success();
}

} // namespace pgc
