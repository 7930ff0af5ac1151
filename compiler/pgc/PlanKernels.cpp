// plan-kernels: has the code generator complete each kernel, and takes apart
// those that it finds no loops for.
#include "compiler/gpu/GpuCodegen.h"
#include "compiler/kernels/Codegen.h"
#include "compiler/pgc/Passes.h"
#include "dialects/pg/Pg.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {
#define GEN_PASS_DEF_PLANKERNELS
#include "compiler/pgc/Passes.h.inc"

namespace {

/// The operations of a kernel take the place of a call.
void inlineKernel(KernelOp kernel, CallOp call) {
  OpBuilder builder(call);
  IRMapping map;
  map.map(kernel.getBlock().getArguments(), call.getOperands());
  for (Operation &op : kernel.getBlock().without_terminator())
    builder.clone(op, map);
  unsigned stored = 0, added = 0;
  for (auto [i, value] : llvm::enumerate(kernel.getYielded())) {
    Value result = map.lookupOrDefault(value);
    if (kernel.accumulates(i))
      pg::AccumulateOp::create(
          builder, call.getLoc(), result,
          cast<FlatSymbolRefAttr>((*call.getAccumulates())[added++]));
    else
      call.getResult(stored++).replaceAllUsesWith(result);
  }
  call.erase();
}

struct PlanKernelsPass : impl::PlanKernelsBase<PlanKernelsPass> {
  using Base::Base;

  LogicalResult plan(KernelOp kernel) {
    return gpu ? planGpuKernel(kernel) : planKernel(kernel);
  }
  bool isPlanned(KernelOp kernel) {
    return gpu ? kernel.getGpu() || kernel.getLibrary()
               : kernel.getChunks() && kernel.getFlops();
  }
  /// Whether the kernel can be completed; says nothing if not.
  bool canPlan(KernelOp kernel) {
    ScopedDiagnosticHandler quiet(kernel.getContext(),
                                  [](Diagnostic &) { return success(); });
    return succeeded(plan(kernel));
  }

  void runOnOperation() override {
    llvm::StringMap<KernelOp> apart;
    for (auto kernel : getOperation().getOps<KernelOp>()) {
      if (isPlanned(kernel) || canPlan(kernel))
        continue;
      bool fused = kernel.getKind() == "rows" &&
                   llvm::range_size(kernel.getBlock().without_terminator()) > 1;
      if (fused)
        apart[kernel.getSymName()] = kernel;
      else if (failed(plan(kernel))) // says why
        return signalPassFailure();
    }
    if (apart.empty())
      return;
    SmallVector<CallOp> calls;
    getOperation().walk([&](CallOp call) {
      if (apart.contains(call.getCallee()))
        calls.push_back(call);
    });
    for (CallOp call : calls)
      inlineKernel(apart[call.getCallee()], call);
    for (auto &entry : apart)
      entry.second.erase();
  }
};
} // namespace
} // namespace pgc
