// Runs the evaluations of a plan.
#pragma once

#include "runtime/eval/Actions.h"
#include "runtime/eval/Score.h"
#include "runtime/eval/Validation.h"
#include "runtime/executor/Executor.h"

#include <functional>
#include <vector>

namespace pgrt {

class Evaluator {
public:
  /// `progress(positions done, all)` is called after each batch of windows.
  Evaluator(Executor &executor, const Validation &validation,
            std::function<void(int64_t, int64_t)> progress)
      : executor(executor), plan(executor.plan()), validation(validation),
        progress(std::move(progress)) {}

  /// Scores the parameters that are there, `prepare` having run. Windows go
  /// through the programs in batches; what pads a batch, and what follows a
  /// window that is short, is dropped. Learning at test time starts from those
  /// parameters, with states of its own, and ends with them in place again.
  ///
  /// The list of actions is verified before the first of them. Throws Error if
  /// it breaks a rule, if the validation set does not suit the evaluation, or
  /// if a score is not finite; Stopped when interrupted, with everything in
  /// place.
  Score run(int evaluation);

  /// The same for a list of the caller's: for tests of what is refused.
  Score run(int evaluation, const std::vector<Action> &actions);

private:
  void scoreBatch(const plan::Evaluation &evaluation,
                  const std::vector<const Action *> &windows, bool tail);
  void adapt(const plan::Evaluation &evaluation, const Action &action);
  void startStates(int evaluation);
  void prepare();

  Executor &executor;
  const plan::Plan &plan;
  const Validation &validation;
  std::function<void(int64_t, int64_t)> progress;
  Score score;
  int64_t updates = 0; // so far
};

} // namespace pgrt
