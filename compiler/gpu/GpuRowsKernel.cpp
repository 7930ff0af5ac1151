// Kernels of kinds "rows" and "embed" on a GPU.
#include "compiler/gpu/GpuCodegen.h"
#include "compiler/gpu/GpuRowsEmitter.h"
#include "compiler/kernels/Codegen.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {

/// The layout of a kernel that the CPU's planner has completed.
static LogicalResult planLayout(KernelOp kernel) {
  std::optional<RowsPlan> plan = RowsPlan::make(kernel);
  if (!plan)
    return failure();
  fitRegisters(*plan);
  FailureOr<GpuRowsLayout> layout = GpuRowsLayout::make(*plan);
  if (failed(layout))
    return failure();
  kernel.setGpuAttr(layout->getLaunch().toAttr(kernel.getContext()));
  return success();
}

LogicalResult planGpuRowsKernel(KernelOp kernel) {
  return failed(planRowsKernel(kernel)) ? failure() : planLayout(kernel);
}

LogicalResult emitGpuRowsKernel(KernelOp kernel, const Target &target,
                                ModuleOp out) {
  KernelOp planned = kernel;
  if (getCopies(kernel) > 1) {
    auto name = kernel.getGpu()->getAs<FlatSymbolRefAttr>("copy_of");
    planned = SymbolTable::lookupNearestSymbolFrom<KernelOp>(kernel, name);
    if (!planned)
      return kernel.emitError("copies the unknown kernel ") << name;
  }
  std::optional<RowsPlan> plan = RowsPlan::make(planned);
  if (!plan)
    return failure();
  fitRegisters(*plan);
  FailureOr<GpuRowsLayout> layout = GpuRowsLayout::make(*plan);
  if (failed(layout))
    return failure();
  GpuRowsEmitter(*plan, *layout, kernel, target, out).emit();
  return success();
}

LogicalResult planGpuEmbedKernel(KernelOp kernel) {
  return failed(planEmbedKernel(kernel)) ? failure() : planLayout(kernel);
}

LogicalResult emitGpuEmbedKernel(KernelOp kernel, const Target &target,
                                 ModuleOp out) {
  return emitGpuRowsKernel(kernel, target, out);
}

} // namespace pgc
