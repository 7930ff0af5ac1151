#include "runtime/train/Estimate.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/schedule/Extents.h"
#include "runtime/support/Text.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace pgrt {

int64_t parameterCount(const plan::Plan &plan) {
  int64_t count = 0;
  for (const plan::Parameter &parameter : plan.parameters()) {
    int64_t elements = 1;
    for (int64_t size : parameter.shape())
      elements *= size;
    count += elements;
  }
  return count;
}

std::string parameterLine(const plan::Plan &plan) {
  return withThousands(parameterCount(plan)) + " parameters";
}

static int64_t scratchBytes(const plan::Plan &plan) {
  int64_t bytes = 0;
  for (const plan::Kernel &kernel : plan.kernels())
    bytes = std::max(bytes, kernel.scratch_bytes());
  return bytes;
}

// What each stage touches of each arena. Programs of no stage, as `prepare`,
// belong to all.
static std::map<std::string, Extents> stageExtents(const plan::Plan &plan) {
  std::map<std::string, Extents> extents;
  for (const plan::Program &program : plan.programs())
    if (std::string stage = stageOfRole(program.role()); !stage.empty())
      extents[stage];
  for (const plan::Program &program : plan.programs())
    for (auto &[stage, touched] : extents)
      if (std::string own = stageOfRole(program.role());
          own == stage || (own.empty() && stage != "probe"))
        touched.add(plan, program);
  return extents;
}

// Of all instances; an alias is bound to the instances of its arena.
static int64_t touchedBytes(const plan::Plan &plan, const Extents &extents,
                            int arena) {
  int64_t bytes = extents.bytes(arena);
  for (int i = 0; i < plan.arenas_size(); ++i)
    if (plan.arenas(i).alias_of() == plan.arenas(arena).name())
      bytes = std::max(bytes, extents.bytes(i));
  return bytes * std::max<int64_t>(1, plan.arenas(arena).instances());
}

std::string memoryTable(const plan::Plan &plan, int threads) {
  std::string text = "memory\n";
  std::map<std::string, Extents> extents = stageExtents(plan);
  std::map<std::string, double> totals;
  const double scratch = double(scratchBytes(plan)) * threads;
  for (int i = 0; i < plan.arenas_size(); ++i) {
    const plan::Arena &arena = plan.arenas(i);
    if (!arena.alias_of().empty())
      continue;
    int64_t instances = std::max<int64_t>(1, arena.instances());
    double bytes = double(arena.bytes()) * double(instances);
    std::string when;
    for (const char *stage : {"train", "quantize", "evaluate", "probe"}) {
      if (!extents.count(stage))
        continue;
      int64_t touched = touchedBytes(plan, extents[stage], i);
      totals[stage] += double(touched);
      if (touched == 0)
        continue;
      when += cat(when.empty() ? "" : ", ", stage);
      if (double(touched) < 0.99 * bytes)
        when += cat(" ", readableBytes(double(touched)));
    }
    std::string count =
        instances > 1
            ? cat(instances, " × ", readableBytes(double(arena.bytes())))
            : "";
    text +=
        formatted("  %-24s %10s   %-16s %s\n", arena.name().c_str(),
                  readableBytes(bytes).c_str(), count.c_str(), when.c_str());
  }
  text +=
      formatted("  %-24s %10s\n", "scratch", readableBytes(scratch).c_str());
  text += "  touched, in";
  const char *separator = " ";
  for (const char *stage : {"train", "quantize", "evaluate", "probe"})
    if (totals.count(stage)) {
      text +=
          cat(separator, stage, " ", readableBytes(totals[stage] + scratch));
      separator = ", ";
    }
  return text;
}

double stepFlops(const plan::Plan &plan, const plan::Program &train) {
  const plan::Training &training = plan.training();
  double runs = double(training.batch_tokens()) /
                double(training.seq() * training.micro_batch());
  return programFlops(plan, train) * runs;
}

std::string trainingEstimate(const plan::Training &training,
                             const Budget &budget, double stepSeconds,
                             const char *basis, bool advise) {
  double total =
      budget.steps ? double(budget.steps) * stepSeconds : budget.seconds;
  if (budget.steps && budget.seconds > 0)
    total = std::min(total, budget.seconds);
  std::string text = cat(
      "  train     a step of ", withThousands(training.batch_tokens()),
      " tokens takes about ", readableSeconds(stepSeconds), " (", basis, "); ");
  double steps = std::max(1.0, std::ceil(total / stepSeconds - 0.5));
  if (budget.steps)
    text +=
        cat(budget.steps,
            budget.steps == 1 ? " step: " : " steps: ", readableSeconds(total));
  else
    text +=
        cat("the budget of ", readableSeconds(budget.seconds), " holds ",
            steps < 1.5 ? "one step" : cat("about ", int64_t(steps), " steps"));
  bool few = !budget.steps && steps < 20, slow = stepSeconds > 30,
       lengthy = total > 3600;
  if (!advise || (!few && !slow && !lengthy))
    return text;
  int64_t least = training.parts() * training.seq();
  double tokensPerSecond = double(training.batch_tokens()) / stepSeconds;
  int64_t fitting = std::max<int64_t>(1, int64_t(5 * tokensPerSecond) / least) *
                    least; // steps of five seconds or so
  std::string ways;
  if ((few || slow) && fitting < training.batch_tokens())
    ways +=
        cat("\n              compile with  -D batch_tokens=", fitting,
            ": a step of ", readableSeconds(double(fitting) / tokensPerSecond));
  if (budget.steps != 10)
    ways += cat("\n              run with  --steps 10: the whole schedule in "
                "ten steps, ",
                readableSeconds(10 * stepSeconds));
  if (lengthy || few)
    ways += cat("\n              run with  --wallclock ",
                few ? int64_t(std::ceil(100 * stepSeconds)) : 600, ": ",
                few ? "a hundred steps or so" : "ten minutes");
  if (!ways.empty())
    text += "\n            that is long; instead" + ways;
  return text;
}

} // namespace pgrt
