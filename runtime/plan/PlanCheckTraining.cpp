#include "runtime/plan/PlanCheckBase.h"

#include <cmath>
#include <set>

namespace pgrt {

namespace {
class TrainingCheck : PlanCheckBase {
public:
  using PlanCheckBase::PlanCheckBase;

  void run() {
    const plan::Training &training = plan.training();
    int64_t parts = training.parts(), sequences;
    if (training.data().empty() ||
        training.data().find('/') != std::string::npos ||
        training.data()[0] == '.')
      badPlan("the data set's name '", training.data(), "' is empty or a path");
    if (training.seq() < 1 || parts < 1 || parts > 65536 ||
        training.micro_batch() < 1 ||
        !checkedMul(parts, training.seq(), sequences) ||
        training.batch_tokens() < 1 || training.batch_tokens() % sequences ||
        training.batch_tokens() / sequences % training.micro_batch())
      badPlan("a step of ", training.batch_tokens(), " tokens is not ", parts,
              " parts of micro-batches of ", training.micro_batch(),
              " sequences of ", training.seq());
    if (training.order() != "shuffled" && training.order() != "sequential" &&
        training.order() != "coprime")
      badPlan("unknown order '", training.order(), "'");
    if (!std::isfinite(training.seconds()) ||
        !std::isfinite(training.reserve()) || training.seconds() < 0 ||
        training.reserve() < 0 || training.steps() < 0)
      badPlan("an impossible budget");
    if (training.switches_size() > 16)
      badPlan(training.switches_size(), " switches");
    std::set<std::string> names;
    for (const plan::Switch &one : training.switches()) {
      if (one.name().empty() || one.name().find('+') != std::string::npos ||
          one.name() == "plain" || !names.insert(one.name()).second)
        badPlan("the switch name '", one.name(),
                "' is empty, reserved or used twice");
      checkScalarIndex(one.condition(),
                       [&] { return cat("switch '", one.name(), "'"); });
    }
    if (training.has_lr())
      checkScalarIndex(training.lr(),
                       [] { return std::string("the learning rate"); });
    // Which phases can occur is the compiler's to know: a switch may be on from
    // the first step, or never.
    if (!findProgram(plan, "train"))
      badPlan("no train program");
    for (const plan::Program &program : plan.programs())
      for (const std::string &phase : program.phases())
        if (program.role() == "train" && !findProgram(plan, "update", phase))
          badPlan("no update program for phase '", phase, "'");
    for (const plan::Program &program : plan.programs())
      if ((program.role() == "train" || program.role() == "measure") &&
          (program.batch() != training.micro_batch() ||
           program.seq() != training.seq()))
        badPlan("program '", program.name(), "' is not for micro-batches of ",
                training.micro_batch(), " × ", training.seq());
    int gradients = gradientArena(plan);
    if (gradients < 0)
      badPlan("no parameter has a gradient");
    if (parts > 1) {
      if (!findProgram(plan, "combine") || otherGradientArena(plan) < 0)
        badPlan("a step has ", parts,
                " parts and there is no program that combines them");
      int64_t present =
          std::max<int64_t>(1, plan.arenas(gradients).instances());
      if (present < gradientInstances(parts))
        badPlan(parts, " parts need ", gradientInstances(parts),
                " instances of the gradients, it has ", present);
    }
  }
};
} // namespace

void checkPlanTraining(const plan::Plan &plan) { TrainingCheck(plan).run(); }

} // namespace pgrt
