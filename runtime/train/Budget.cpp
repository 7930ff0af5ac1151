#include "runtime/train/Budget.h"
#include "runtime/support/Error.h"

namespace pgrt {

Budget chooseBudget(const plan::Training &training, int64_t steps,
                    double wallclock) {
  Budget budget;
  double seconds = wallclock > 0               ? wallclock
                   : steps || training.steps() ? 0
                                               : training.seconds();
  if (seconds > 0) {
    budget.seconds = seconds - training.reserve();
    if (budget.seconds <= 0)
      failUsage("a budget of ", seconds,
                " s leaves nothing for training: the model keeps ",
                training.reserve(), " s in reserve; set --wallclock higher");
  }
  budget.steps = steps ? steps : wallclock > 0 ? 0 : training.steps();
  if (!budget.steps && budget.seconds <= 0)
    failUsage("the plan has no budget: set --steps N or --wallclock SECONDS");
  return budget;
}

} // namespace pgrt
