// The training loop.
#pragma once

#include "runtime/data/WindowOrder.h"
#include "runtime/executor/Executor.h"
#include "runtime/support/EventLog.h"
#include "runtime/train/Budget.h"
#include "runtime/train/Progress.h"

namespace pgrt {

struct TrainResult {
  int64_t steps = 0; // completed
  double seconds = 0;
  double lastLoss = 0;
  bool stopped = false; // by Ctrl-C
};

/// One step: for each part, a zeroed gradient instance and its micro-batches;
/// the parts' gradients are added by GradientTree; then the programs `update`
/// and `prepare`. The loss is the mean over all micro-batches, summed in their
/// order. Stops at the end of the budget, or between two micro-batches when
/// interrupted(): the step under way is dropped.
class Trainer {
public:
  /// `peak` in FLOP/s, for the line of progress; 0: not known. Parameters must
  /// be initialised.
  Trainer(Executor &executor, WindowOrder &data, const Budget &budget,
          EventLog &log, Progress &progress, double peak);

  /// Throws Error if the loss is not finite.
  TrainResult run();

private:
  bool runParts(const plan::Program &train, int64_t step,
                const std::vector<double> &scalars, double &loss,
                std::vector<double> &terms);
  std::string currentPhase(const std::vector<double> &scalars, int64_t step,
                           double progress);
  const plan::Program &programFor(const char *role,
                                  const std::string &phase) const;
  void logStep(const StepReport &report, const plan::Program &train,
               const std::vector<double> &terms, const std::string &phase,
               double progressValue);

  Executor &executor;
  WindowOrder &data;
  Budget budget;
  EventLog &log;
  Progress &progress;
  double peak;
  const plan::Plan &plan;
  const plan::Training &training;
  std::vector<bool> switches;
  bool estimated = false;
};

} // namespace pgrt
