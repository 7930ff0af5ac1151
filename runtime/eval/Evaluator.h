// Runs the evaluations of a plan.
#pragma once

#include "runtime/collective/Collective.h"
#include "runtime/eval/Actions.h"
#include "runtime/eval/Score.h"
#include "runtime/eval/Validation.h"
#include "runtime/executor/Executor.h"
#include "runtime/train/SharedSum.h"

#include <functional>
#include <vector>

namespace pgrt {

class Evaluator {
public:
  /// `progress(positions done, all)` is called after each batch of windows.
  /// `ranks` must move the memory of the executor's device.
  Evaluator(Executor &executor, Collective &ranks, const Validation &validation,
            std::function<void(int64_t, int64_t)> progress)
      : executor(executor), ranks(ranks), plan(executor.plan()),
        validation(validation), progress(std::move(progress)) {}

  /// Scores the parameters that are there, `prepare` having run. Windows go
  /// through the programs in batches; what pads a batch, and what follows a
  /// window that is short, is dropped. Learning at test time starts from those
  /// parameters, with states of its own, and ends with them in place again.
  ///
  /// Between two updates, batches are divided over the ranks, and so is the
  /// gradient of an update (SharedSum); all of them then make the update,
  /// and have the score, which does not depend on their number.
  ///
  /// The list of actions is verified before the first of them. Throws Error if
  /// it breaks a rule, if the validation set does not suit the evaluation, or
  /// if a score is not finite; Stopped when interrupted, with everything in
  /// place.
  Score run(int evaluation);

  /// The same for a list of the caller's: for tests of what is refused.
  Score run(int evaluation, const std::vector<Action> &actions);

private:
  /// Windows that go through a program together.
  struct Batch {
    bool tail;
    std::vector<const Action *> windows;
  };
  std::vector<Batch> batchesFrom(const plan::Evaluation &evaluation,
                                 const std::vector<Action> &actions,
                                 size_t &next) const;
  void scoreBatches(const plan::Evaluation &evaluation,
                    const std::vector<Batch> &batches, int64_t positions);
  std::vector<double> scoreBatch(const plan::Evaluation &evaluation,
                                 const Batch &batch);
  void addScores(const Batch &batch, const double *&nll);
  void stopTogether(bool stop);
  void adapt(const plan::Evaluation &evaluation, const Action &action);
  void startStates(int evaluation);
  void prepare();

  Executor &executor;
  Collective &ranks;
  const plan::Plan &plan;
  const Validation &validation;
  std::function<void(int64_t, int64_t)> progress;
  Score score;
  int64_t updates = 0;                 // so far
  std::unique_ptr<SharedSum> gradient; // from the first update on
};

} // namespace pgrt
