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
  passes.addPass(createPlaceVariables());
  passes.addPass(createOutlineRest());
  passes.addPass(createPlanKernels());
  passes.addPass(createSchedule());
  passes.addPass(createPlanMemory());
  passes.addPass(createVerifySchedule());
}

} // namespace pgc
