#include "runtime/plan/Numerics.h"
#include "runtime/plan/PlanCheckBase.h"

namespace pgrt {

void checkPlan(const plan::Plan &plan) {
  if (!isNumerics(plan.numerics()))
    badPlan("unknown numerics '", plan.numerics(), "'");
  if (plan.vocab() < 1 || plan.vocab() > int64_t(1) << 31)
    badPlan("a vocabulary of ", plan.vocab());
  if (plan.model_name().empty() ||
      plan.model_name().find('/') != std::string::npos)
    badPlan("the model's name '", plan.model_name(), "' is empty or a path");
  checkPlanMemory(plan);
  checkPlanPrograms(plan);
  checkPlanGpuKernels(plan);
  if (plan.has_training())
    checkPlanTraining(plan);
  checkPlanEvaluations(plan);
  checkPlanQuantization(plan);
  for (const plan::Plan &device : plan.devices()) {
    if (device.devices_size() != 0)
      badPlan("the plan for another device holds plans in turn");
    checkPlan(device);
  }
}

} // namespace pgrt
