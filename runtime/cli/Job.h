// pgrt PLAN: the whole job, stage by stage.
#pragma once

#include "runtime/artifact/Build.h"
#include "runtime/artifact/Submission.h"
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
  int64_t seed = 0, steps = 0, valTokens = 0, threads = 0;
  double wallclock = 0;
  std::string out, data, tokenizer, init, order, stages, device = "cpu";
  bool quiet = false, profile = false, version = false, help = false;
};

class Job {
public:
  /// Throws Error for options that contradict each other or the plan.
  Job(std::unique_ptr<LoadedPlan> loaded, const JobOptions &options);
  int run();

private:
  bool wants(const char *stage) const { return stages.count(stage) != 0; }
  void chooseStages();
  void openData();
  void prepareEvaluation();
  void introduce();
  void estimateEvaluation();
  void train();
  void evaluate(const std::string &stage);
  void evaluateOne(int index);
  void quantize();
  void writeArtifact(artifact::Artifact artifact);
  void prepare();
  /// Gives back the memory of stages that are over.
  void keepMemoryOf(const std::set<std::string> &stages);
  void runStages();

  std::unique_ptr<LoadedPlan> loaded;
  const plan::Plan &plan;
  JobOptions options;
  std::set<std::string> stages;
  bool stagesGiven;
  std::string dataPath, out;
  Progress progress;
  Budget budget;
  std::unique_ptr<WindowOrder> data;
  std::unique_ptr<Validation> validation; // null: no evaluation
  std::unique_ptr<Device> device;
  std::unique_ptr<Executor> executor;
  std::unique_ptr<Profile> profile;
  std::unique_ptr<EventLog> log;
  std::unique_ptr<ArtifactBuilder> builder; // once there is an artifact
  Submission submission;
  std::vector<artifact::Claim> claims;
  double peak = 0;
  bool stopped = false;
};

} // namespace pgrt
