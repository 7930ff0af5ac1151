// plan-kernels: has the code generator complete each kernel.
#include "compiler/kernels/Codegen.h"
#include "compiler/pgc/Passes.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_PLANKERNELS
#include "compiler/pgc/Passes.h.inc"

namespace {
struct PlanKernelsPass : impl::PlanKernelsBase<PlanKernelsPass> {
  void runOnOperation() override {
    for (auto kernel : getOperation().getOps<pg::sched::KernelOp>())
      if (failed(planKernel(kernel)))
        return signalPassFailure();
  }
};
} // namespace
} // namespace pgc
