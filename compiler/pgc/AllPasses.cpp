#include "compiler/pgc/AllPasses.h"
#include "compiler/passes/Pipeline.h"
#include "compiler/pgc/Passes.h"

using namespace mlir;

namespace pgc {

void addAllPasses(OpPassManager &passes, const std::string &numerics) {
  buildExpandPipeline(passes);
  passes.addPass(createCountModelFlops());
  buildKernelPipeline(passes, {numerics});
  passes.addPass(createPlanKernels());
  buildSchedulePipeline(passes);
}

} // namespace pgc
