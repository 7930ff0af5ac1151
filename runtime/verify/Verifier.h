// Checks that a finished entry is legal, on what it does rather than on what it
// says.
#pragma once

#include "runtime/artifact/ArtifactFile.h"
#include "runtime/eval/Evaluator.h"

#include <functional>
#include <string>

namespace pgrt {

class Verifier {
public:
  /// The artifact's weights are decoded, `prepare` has run. `say` gets a line
  /// for each check that passed.
  Verifier(Executor &executor, const Validation &validation,
           const LoadedArtifact &loaded,
           std::function<void(const std::string &)> say)
      : executor(executor), plan(executor.plan()), validation(validation),
        loaded(loaded), say(std::move(say)) {}

  /// Each throws Error that names the rule which is broken.
  ///
  /// Size against the cap, by the file's bytes.
  void size() const;
  /// Σ bytes of the validation set by the byte table, position by position,
  /// and that claims are about this validation set and all of it.
  void validationSet() const;
  /// Every evaluation's list of actions: a score for each position, once, in
  /// order, before anything learns from it.
  void oneScoreEach() const;
  /// Changing the tokens after t moves no score at or before t, to the last
  /// bit; nor logits at or before t.
  void causality();
  /// Scores are those of a softmax over the whole vocabulary, worked out in
  /// float64 here from the artifact's own logits.
  void normalisation();
  /// What an evaluation found is what is claimed: tokens, bytes, nll.
  void claim(const plan::Evaluation &evaluation, const Score &score) const;

private:
  std::vector<double> runWindow(const plan::Program &program,
                                const std::vector<int64_t> &tokens,
                                const char *output);
  void causalityOf(const plan::Program &program, const char *output,
                   int64_t perPosition);

  Executor &executor;
  const plan::Plan &plan;
  const Validation &validation;
  const LoadedArtifact &loaded;
  std::function<void(const std::string &)> say;
};

} // namespace pgrt
