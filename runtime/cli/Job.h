// pgrt PLAN: the whole job, stage by stage.
#pragma once

#include "runtime/artifact/Build.h"
#include "runtime/artifact/Submission.h"
#include "runtime/collective/Collective.h"
#include "runtime/data/WindowOrder.h"
#include "runtime/eval/Evaluator.h"
#include "runtime/plan/PlanLoader.h"
#include "runtime/train/Budget.h"
#include "runtime/train/Progress.h"

#include <memory>
#include <set>
#include <string>

namespace pgrt {

struct JobOptions {
  int64_t seed = 0, steps = 0, valTokens = 0, threads = 0, devices = 1;
  double wallclock = 0;
  std::string out, data, tokenizer, init, order, stages, device = "cpu";
  bool quiet = false, profile = false, version = false, help = false;
};

class Job {
public:
  /// One rank's share of the job. Throws Error for options that contradict each
  /// other, the plan, or the number of ranks.
  Job(const LoadedPlan &loaded, const JobOptions &options, Collective &ranks);
  void run();

private:
  Collective &deviceRanks() { return gpus ? *gpus : ranks; }
  bool wants(const char *stage) const { return stages.count(stage) != 0; }
  void chooseStages();
  void checkSameEverywhere();
  void openData();
  void prepareEvaluation();
  void introduce();
  void estimateEvaluation();
  void train();
  void evaluate(const std::string &stage);
  void evaluateOne(int index);
  void quantize();
  void captureHessians();
  void buildArtifact();
  void shareParameters();
  void writeArtifact(artifact::Artifact artifact);
  void prepare();
  /// Gives back the memory of stages that are over.
  void keepMemoryOf(const std::set<std::string> &stages);
  void runStages();

  const LoadedPlan &loaded;
  const plan::Plan &plan;
  JobOptions options;
  Collective &ranks;
  bool root; // the rank that writes files and says how it goes
  std::set<std::string> stages;
  bool stagesGiven;
  std::string dataPath, out;
  Progress progress;
  Budget budget;
  std::unique_ptr<WindowOrder> data;
  std::unique_ptr<Validation> validation; // null: no evaluation
  std::unique_ptr<Device> device;
  std::unique_ptr<Executor> executor;
  std::unique_ptr<Collective> gpus; // null: `ranks` moves the device's memory
  std::unique_ptr<Profile> profile;
  std::unique_ptr<EventLog> log;
  artifact::Artifact result; // without claims; rank 0, once packed
  Submission submission;
  std::vector<artifact::Claim> claims;
  double peak = 0;
  bool stopped = false;
  bool packed = false; // the parameters are what the artifact holds
};

} // namespace pgrt
