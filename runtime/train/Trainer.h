// The training loop.
#pragma once

#include "runtime/collective/Collective.h"
#include "runtime/data/WindowOrder.h"
#include "runtime/executor/Executor.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/EventLog.h"
#include "runtime/train/Budget.h"
#include "runtime/train/GradientTree.h"
#include "runtime/train/Progress.h"
#include "runtime/train/RankUpdate.h"

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
///
/// Each rank computes a block of the parts, which is a subtree of that tree;
/// RankUpdate adds the subtrees. All ranks go by the clock of rank 0, and stop
/// together when one is interrupted; all of them end with the same weights.
class Trainer {
public:
  /// `peak` in FLOP/s of all ranks, for the line of progress; 0: not known.
  /// `times`: see RankUpdate.
  /// Parameters must be initialised, and the ranks must divide the parts
  /// (checkRanks).
  Trainer(Executor &executor, Collective &ranks, WindowOrder &data,
          const Budget &budget, EventLog &log, Progress &progress, double peak,
          const BucketTimes &times = {});

  /// Throws Error if the loss is not finite.
  TrainResult run();

private:
  struct Clock {
    bool stop;      // an interrupt came, on whatever rank
    double elapsed; // rank 0's
  };
  Clock agree(double elapsed);
  bool interruptedHere();
  bool goesOn(bool isLast);
  void runMicroBatch(const plan::Program &program, int64_t part, int64_t micro,
                     const ScalarInputs &inputs);
  bool runParts(const plan::Program &train, const ScalarInputs &inputs,
                double &loss, std::vector<double> &terms);
  void combineInstances(int to, int from, const std::vector<double> &scalars);
  void addParts(const plan::Program &train, GradientTree &tree, int last,
                const std::vector<double> &scalars);
  bool runOwnParts(const plan::Program &train, const ScalarInputs &inputs,
                   std::vector<double> &outputs);
  void meanOutputs(const plan::Program &train,
                   const std::vector<double> &outputs, double &loss,
                   std::vector<double> &terms) const;
  std::string currentPhase(const std::vector<double> &scalars, int64_t step,
                           double progress);
  const plan::Program &programFor(const char *role,
                                  const std::string &phase) const;
  void logStep(const StepReport &report, const plan::Program &train,
               const std::vector<double> &terms, const std::string &phase,
               double progressValue);

  Executor &executor;
  Collective &ranks;
  WindowOrder &data;
  Budget budget;
  EventLog &log;
  Progress &progress;
  double peak;
  const plan::Plan &plan;
  const plan::Training &training;
  std::vector<bool> switches;
  RankUpdate rankUpdate;
  bool estimated = false, askedToStop = false;
};

} // namespace pgrt
