#include "runtime/plan/PlanCheckBase.h"

namespace pgrt {

namespace {
class EvaluationCheck : PlanCheckBase {
public:
  using PlanCheckBase::PlanCheckBase;

  void run() {
    for (int i = 0; i < plan.evaluations_size(); ++i)
      check(plan.evaluations(i), cat("evaluation ", i));
    for (const plan::State &state : plan.states())
      if (state.has_evaluation() &&
          (state.evaluation() >= uint32_t(plan.evaluations_size()) ||
           !plan.evaluations(int(state.evaluation())).has_adapt_update()))
        badPlan("state '", state.name(), "' belongs to evaluation ",
                state.evaluation(), ", which has no rules");
  }

private:
  void check(const plan::Evaluation &item, const std::string &number) {
    std::string what = cat(number, " ('", item.kind(), "')");
    if (item.stage() != "trained" && item.stage() != "quantized")
      badPlan(what, " is of the unknown stage '", item.stage(), "'");
    if (item.kind() == "documents")
      return; // has no programs yet: the runtime says so when asked to run it
    bool adapts = item.kind() == "ttt",
         slides = adapts || item.kind() == "sliding";
    if (!slides && item.kind() != "chunked")
      badPlan(number, " is of the unknown kind '", item.kind(), "'");
    if (item.seq() < 1)
      badPlan(what, " has windows of ", item.seq(), " tokens");
    const plan::Program &score = program(item.score(), "score", what);
    if (score.seq() != item.seq() || score.scored() != 0)
      badPlan(what, ": program '", score.name(), "' does not score windows of ",
              item.seq(), " tokens whole");
    if (slides)
      checkTail(item, what);
    else if (item.has_tail())
      badPlan(what, " has a program for the ends of windows, and no overlap");
    if (adapts)
      checkAdapt(item, what);
    else if (item.has_adapt() || item.has_adapt_update())
      badPlan(what, " has programs of test-time training");
  }

  void checkTail(const plan::Evaluation &item, const std::string &what) {
    if (item.stride() < 1 || item.stride() > item.seq())
      badPlan(what, " moves windows of ", item.seq(), " tokens by ",
              item.stride());
    if (!item.has_tail())
      badPlan(what, " has no program for the ends of windows");
    const plan::Program &tail = program(item.tail(), "score", what);
    int64_t scored = tail.scored() ? tail.scored() : tail.seq();
    if (tail.seq() != item.seq() || scored != item.stride())
      badPlan(what, ": program '", tail.name(), "' does not score the last ",
              item.stride(), " of ", item.seq(), " positions");
  }

  void checkAdapt(const plan::Evaluation &item, const std::string &what) {
    if (item.chunk() < 1 || item.epochs() < 1 || item.sequences() < 1)
      badPlan(what, " has chunks of ", item.chunk(), " tokens, ", item.epochs(),
              " epochs and steps of ", item.sequences(), " sequences");
    if (!item.has_adapt() || !item.has_adapt_update())
      badPlan(what, " lacks a program of test-time training");
    const plan::Program &adapt = program(item.adapt(), "adapt", what);
    program(item.adapt_update(), "adapt_update", what);
    if (adapt.seq() != item.seq() || adapt.batch() != 1)
      badPlan(what, ": program '", adapt.name(), "' is for ", adapt.batch(),
              " sequences of ", adapt.seq(), " tokens, not one of ",
              item.seq());
    if (gradientArena(plan) < 0)
      badPlan(what, " trains, and no parameter has a gradient");
  }

  const plan::Program &program(uint32_t index, const char *role,
                               const std::string &what) {
    if (index >= uint32_t(plan.programs_size()))
      badPlan(what, " names program ", index, ", of ", plan.programs_size());
    const plan::Program &found = plan.programs(int(index));
    if (found.role() != role)
      badPlan(what, " needs a program of role '", role, "', and names '",
              found.name(), "' of role '", found.role(), "'");
    return found;
  }
};
} // namespace

void checkPlanEvaluations(const plan::Plan &plan) {
  EvaluationCheck(plan).run();
}

} // namespace pgrt
