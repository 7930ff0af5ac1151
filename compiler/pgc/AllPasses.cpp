#include "compiler/pgc/AllPasses.h"
#include "compiler/passes/Pipeline.h"
#include "compiler/passes/schedule/SchedulePasses.h"
#include "compiler/pgc/Passes.h"

using namespace mlir;

namespace pgc {

void addAllPasses(OpPassManager &passes, const std::string &numerics) {
  buildExpandPipeline(passes);
  passes.addPass(createCountModelFlops());
  buildKernelPipeline(passes, {numerics});
  passes.addPass(createPlanKernels());
  passes.addPass(createOutlineRest()); // of kernels that were taken apart
  passes.addPass(createPlanKernels());
  buildSchedulePipeline(passes);
}

} // namespace pgc
