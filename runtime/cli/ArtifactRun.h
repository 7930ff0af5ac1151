// What eval and verify share: an artifact, decoded and ready to score.
#pragma once

#include "runtime/artifact/ArtifactFile.h"
#include "runtime/cli/Options.h"
#include "runtime/eval/Evaluator.h"
#include "runtime/plan/PlanLoader.h"
#include "runtime/train/Progress.h"

#include <memory>
#include <string>

namespace pgrt {

struct ArtifactOptions {
  std::string artifact, data, tokenizer, plan, device = "cpu";
  int64_t threads = 0, valTokens = 0, devices = 1;
  bool quiet = false, help = false;

  /// Adds the options to a table.
  void describe(OptionTable &table);
};

class ArtifactRun {
public:
  /// Loads, compiles, decodes. Throws Error for whatever is wrong.
  ArtifactRun(const ArtifactOptions &options, Collective &ranks);

  /// The claim that an evaluation is to be held against; null if there is none.
  const artifact::Claim *claimOf(const plan::Evaluation &evaluation) const;

  /// Scores one evaluation, with lines of progress.
  Score score(int evaluation);

  Collective &ranks;
  std::unique_ptr<LoadedArtifact> loaded;
  std::unique_ptr<LoadedPlan> planFile;
  std::unique_ptr<Validation> validation;
  std::unique_ptr<Device> device;
  std::unique_ptr<Executor> executor;
  std::unique_ptr<Collective> gpus; // null: `ranks` moves the device's memory
  Progress progress;

  const plan::Plan &plan() const { return planFile->plan; }
};

} // namespace pgrt
