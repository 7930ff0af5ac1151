#include "compiler/passes/Pipeline.h"
#include "compiler/passes/Passes.h"
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/schedule/SchedulePasses.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace pgc {

static void cleanUp(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createPrune());
}

void buildExpandPipeline(OpPassManager &pm, const PipelineOptions &options) {
  if (options.numerics == "autocast")
    pm.addPass(createRoundResiduals());
  pm.addPass(createExpandRecurrence());
  pm.addPass(createVerifyExpanded());
  pm.addPass(createHoldStopGradients());
  pm.addPass(createVerifyEvaluation());
  pm.addPass(createPruneByDemand());
}

void buildKernelPipeline(OpPassManager &pm, const PipelineOptions &options) {
  pm.addPass(createCaptureHessians());
  pm.addPass(createVerifyQuantized());
  if (options.mergeProducts)
    pm.addPass(createMergeProducts());
  pm.addPass(createDifferentiate());
  pm.addPass(createVerifyDifferentiated());
  pm.addPass(createDecompose());
  if (options.stackMatrices)
    pm.addPass(createStackNewtonSchulz());
  pm.addPass(createExpandNewtonSchulz());
  cleanUp(pm);
  if (options.mergeProducts)
    pm.addPass(createJoinWeightGradients());
  pm.addPass(createVerifyPrimitive());
  pm.addPass(createLiftReshapes());
  pm.addPass(createApplyNumerics({options.numerics}));
  cleanUp(pm);
  pm.addPass(createBlockHead({options.headRows}));
  cleanUp(pm);
  if (options.packWeights)
    pm.addPass(createPackWeights());
  pm.addPass(createRematerialize({options.maxSources, options.keepFactors}));
  pm.addPass(createHoistInvariants());
  pm.addPass(createSplitReductions());
  pm.addPass(createFuse());
  pm.addPass(createVerifyFused());
  pm.addPass(createOutlineRest());
  pm.addPass(createGatherHostWork());
  pm.addPass(createPlaceVariables()); // adds a kernel
}

void buildSchedulePipeline(OpPassManager &pm) {
  pm.addPass(createSchedule());
  pm.addPass(createPlanMemory());
  pm.addPass(createVerifySchedule());
}

} // namespace pgc
