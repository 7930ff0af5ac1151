#include "compiler/pgc/AllPasses.h"
#include "compiler/passes/schedule/SchedulePasses.h"
#include "compiler/pgc/Passes.h"

using namespace mlir;

namespace pgc {

void addAllPasses(OpPassManager &passes, const PipelineOptions &options,
                  bool gpu) {
  buildExpandPipeline(passes, options);
  passes.addPass(createCountModelFlops());
  buildKernelPipeline(passes, options);
  passes.addPass(createPlanKernels({gpu}));
  passes.addPass(createOutlineRest()); // of kernels that were taken apart
  passes.addPass(createPlanKernels({gpu}));
  if (gpu) {
    passes.addPass(createMergeLaunches());
    passes.addPass(createGroupLaunches());
  }
  buildSchedulePipeline(passes);
}

} // namespace pgc
