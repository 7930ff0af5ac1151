// pgrt PLAN: train, average, evaluate, and write what came of it.

#include "runtime/artifact/Submission.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Options.h"
#include "runtime/data/WindowOrder.h"
#include "runtime/eval/Chunked.h"
#include "runtime/eval/Validation.h"
#include "runtime/executor/Executor.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/PlanLoader.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"
#include "runtime/train/Estimate.h"
#include "runtime/train/Initialise.h"
#include "runtime/train/Trainer.h"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <set>

namespace pgrt {

namespace {
struct JobOptions {
  int64_t seed = 0, steps = 0, valTokens = 0, threads = 0;
  double wallclock = 0;
  std::string out, data, tokenizer, init, order, stages, device = "cpu";
  bool quiet = false, profile = false, version = false, help = false;
};

class Job {
public:
  Job(std::unique_ptr<LoadedPlan> loaded, const JobOptions &options);
  int run();

private:
  bool wants(const char *stage) const { return stages.count(stage) != 0; }
  void openData();
  void prepareEvaluation();
  void introduce();
  void estimateEvaluation();
  void train();
  void evaluate();
  void prepare();

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
  Submission submission;
  double peak = 0;
  bool stopped = false;
};

Job::Job(std::unique_ptr<LoadedPlan> given, const JobOptions &options)
    : loaded(std::move(given)), plan(loaded->plan), options(options),
      stagesGiven(!options.stages.empty()), progress(options.quiet) {
  static const std::vector<std::string> known = {"train", "quantize",
                                                 "evaluate"};
  for (const std::string &stage :
       split(stagesGiven ? options.stages : "train,evaluate", ',')) {
    if (std::find(known.begin(), known.end(), stage) == known.end())
      failUsage("--stages: there is no stage '", stage, "'",
                didYouMean(stage, known));
    stages.insert(stage);
  }
  if (wants("quantize"))
    failUsage("--stages: this pgrt cannot quantize yet; train and evaluate are "
              "there");
  if (!options.order.empty() && options.order != "shuffled" &&
      options.order != "sequential" && options.order != "coprime")
    failUsage("--order: '", options.order,
              "' is not shuffled, sequential or coprime");
  if (wants("train") && !plan.has_training())
    failInput("'", loaded->path,
              "' cannot train: it holds programs to score only");
  if (wants("evaluate") && !wants("train") && options.init.empty())
    failUsage("--stages evaluate scores weights that are there: say which with "
              "--init W.safetensors");
  if (wants("train"))
    budget = chooseBudget(plan.training(), options.steps, options.wallclock);
  dataPath = !options.data.empty()
                 ? options.data
                 : "data/" + (plan.has_training() ? plan.training().data()
                                                  : plan.model_name());
  out = !options.out.empty()
            ? options.out
            : cat("runs/", plan.model_name(), "-seed", options.seed);
}

// A missing folder is the first thing that goes wrong for many: the message
// says how to make it.
void Job::openData() {
  std::error_code error;
  if (!std::filesystem::exists(dataPath, error))
    failInput("there are no data in '", dataPath,
              "': make them with  pgdata build TEXT… --vocab ", plan.vocab(),
              " --out ", dataPath, "  or say where they are with --data");
  if (!wants("train"))
    return;
  std::vector<Shard> shards = openShards(dataPath, "train");
  if (shards.empty())
    failInput("the folder '", dataPath,
              "' has no train_*.bin or fineweb_train_*.bin");
  constexpr int64_t checkedAtStart = 64 << 20;
  checkTokens(shards, plan.vocab(), checkedAtStart);
  size_t count = shards.size();
  const plan::Training &training = plan.training();
  std::string order = options.order.empty() ? training.order() : options.order;
  data = std::make_unique<WindowOrder>(std::move(shards), order, training.seq(),
                                       plan.vocab(), uint64_t(options.seed));
  submission.dataHash = toHex(data->dataHash());
  progress.say(cat("data      ", dataPath, ": ", withThousands(data->tokens()),
                   " tokens in ", count, count == 1 ? " shard, " : " shards, ",
                   withThousands(data->windows()), " windows of ",
                   training.seq(), ", ", order));
}

// Evaluation that was not asked for by name is left out, with a word, when
// something for it is missing.
void Job::prepareEvaluation() {
  if (!wants("evaluate"))
    return;
  std::string missing;
  validation = openValidation(
      plan, {dataPath, options.tokenizer, options.valTokens, wants("train")},
      missing);
  if (!validation && stagesGiven)
    failInput("cannot evaluate: ", missing);
  if (!validation)
    progress.say("evaluate  left out: " + missing);
}

void Job::introduce() {
  progress.say(cat(versionText(), ": ", plan.model_name(), ", ",
                   plan.numerics(), ", seed ", options.seed));
  progress.say(parameterLine(plan));
  progress.say(memoryTable(plan, int(threadCount(options.threads))));
}

void Job::estimateEvaluation() {
  if (!validation || peak <= 0)
    return;
  const plan::Program &program = *validation->program;
  int64_t tokens = int64_t(validation->tokens.size());
  double flops =
      programFlops(plan, program) *
      std::ceil(double(tokens) / double(program.batch() * program.seq()));
  std::string text = cat("  evaluate  ", withThousands(tokens), " tokens");
  if (flops > 0) {
    double seconds = flops / (0.5 * peak);
    text += cat(", about ", readableSeconds(seconds), " (at half of the peak)");
    if (seconds > 600)
      text += cat("\n            that is long: score fewer with  --val-tokens ",
                  1 << 20);
  }
  progress.say(text);
}

void Job::prepare() {
  if (const plan::Program *program = findProgram(plan, "prepare"))
    executor->run(*program, evaluateScalars(plan, 0, 0));
}

void Job::train() {
  const plan::Program *first = findProgram(plan, "train");
  double flops = stepFlops(plan, *first);
  if (flops > 0 && peak > 0)
    progress.say(trainingEstimate(plan.training(), budget, flops / (0.5 * peak),
                                  "at half of the peak",
                                  /*advise=*/true));
  estimateEvaluation();
  Trainer trainer(*executor, *data, budget, *log, progress, peak);
  TrainResult result = trainer.run();
  stopped = result.stopped;
  submission.steps = result.steps;
  submission.trainSeconds = result.seconds;
  if (stopped)
    progress.say(cat(
        "stopped after ", result.steps, result.steps == 1 ? " step" : " steps",
        "; the step under way is dropped. Writing what there is …"));
  else
    progress.say(formatted(
        "trained   %lld steps in %s, last loss %.4f", (long long)result.steps,
        readableSeconds(result.seconds).c_str(), result.lastLoss));
  saveWeights(*executor, WeightKind::Parameters, out + "/final.safetensors");
  saveWeights(*executor, WeightKind::Averages, out + "/weights.safetensors");
  useAverages(*executor);
  prepare();
}

void Job::evaluate() {
  double begin = Profile::now(), lastLine = begin;
  Score score = scoreChunked(
      *executor, *validation->program, validation->tokens, *validation->bytes,
      evaluateScalars(plan, 0, 1), [&](int64_t done, int64_t all) {
        double now = Profile::now();
        if (now - lastLine > 10) {
          lastLine = now;
          progress.say(cat("  scored ", withThousands(done), " of ",
                           withThousands(all), " tokens, ",
                           readableSeconds((now - begin) / double(done) *
                                           double(all - done)),
                           " left"));
        }
        return !interrupted();
      });
  if (interrupted()) {
    stopped = true;
    progress.say("evaluation was stopped: its score is not written");
    return;
  }
  submission.valBpb = score.bitsPerByte();
  submission.valLoss = score.nll / double(score.tokens);
  submission.evalSeconds = score.seconds;
  JsonWriter json;
  json.beginObject()
      .field("event", "eval")
      .field("stage", "trained")
      .field("kind", "chunked")
      .field("nll", score.nll)
      .field("tokens", score.tokens)
      .field("bytes", score.bytes)
      .field("bpb", score.bitsPerByte())
      .field("seconds", score.seconds)
      .endObject();
  log->write(json);
  progress.say(formatted(
      "evaluated %s tokens, %s bytes in %s: %.4f bits a byte, loss %.4f",
      withThousands(score.tokens).c_str(), withThousands(score.bytes).c_str(),
      readableSeconds(score.seconds).c_str(), score.bitsPerByte(),
      score.nll / double(score.tokens)));
}

int Job::run() {
  const double begin = Profile::now();
  introduce();
  openData();
  prepareEvaluation();
  makeFolders(out);
  log = std::make_unique<EventLog>(out + "/log.jsonl");
  catchInterrupts();
  device = openDevice(options.device, options.threads);
  executor = std::make_unique<Executor>(plan, *device);
  if (options.profile) {
    profile = std::make_unique<Profile>(plan);
    executor->setProfile(profile.get());
  }
  initialise(*executor, uint64_t(options.seed));
  if (!options.init.empty())
    loadWeights(*executor, SafetensorsFile(options.init));
  peak = device->measurePeak(plan.numerics());
  progress.say(formatted("machine   %s; peak %.0f GFLOP/s",
                         device->description().c_str(), peak * 1e-9));
  progress.say(
      formatted("ready     %.2f s after the start", Profile::now() - begin));

  submission.name = plan.model_name();
  submission.seed = uint64_t(options.seed);
  submission.hardware = device->description();
  submission.versions = cat(versionText(), ", ", plan.producer());
  submission.planHash = toHex(loaded->digest);
  if (wants("train"))
    train();
  else
    prepare();
  if (validation && !stopped)
    evaluate();
  writeSubmission(out + "/submission.json", submission);
  if (profile) {
    std::fprintf(stderr, "%s", profile->table().c_str());
    JsonWriter json;
    profile->writeJson(json);
    writeFileAtomically(out + "/profile.json", json.text() + "\n");
  }
  progress.say("wrote     " + out);
  return 0;
}
} // namespace

int runJob(const std::vector<std::string> &arguments) {
  JobOptions options;
  OptionTable table(
      "pgrt PLAN --seed N [options]\n"
      "       pgrt probe PLAN …     one forward and backward, for tests\n"
      "       pgrt inspect PLAN …   what is in a plan\n"
      "       (each has --help)",
      "Trains a compiled model, averages its weights, evaluates them, and "
      "writes log.jsonl, final.safetensors,\n"
      "weights.safetensors and submission.json. Ctrl-C stops between "
      "micro-batches and writes what there is.");
  table.integer("--seed", "N", "of initial weights and the order of data (0)",
                options.seed, 0);
  table.text("--out", "DIR", "where results go (runs/<model>-seed<N>)",
             options.out);
  table.text("--data", "DIR|SHARD", "tokens (data/<the model's data name>)",
             options.data);
  table.text("--tokenizer", "FILE",
             "a SentencePiece model (tokenizer.model beside the data)",
             options.tokenizer);
  table.text("--init", "W", "start from these weights, as safetensors",
             options.init);
  table.text("--order", "ORDER",
             "shuffled, sequential or coprime (what the model says)",
             options.order);
  table.integer("--steps", "N",
                "train N steps; progress is step/N, whatever the clock",
                options.steps, 1);
  table.number("--wallclock", "SECONDS",
               "replaces the model's budget in seconds; its reserve stays",
               options.wallclock, 0);
  table.integer("--val-tokens", "N", "score the first N validation tokens only",
                options.valTokens, 2);
  table.text("--stages", "LIST", "of train,evaluate (both)", options.stages);
  table.integer("--threads", "N",
                "threads (one for each processor); results do not depend on it",
                options.threads, 1, 1024);
  table.text("--device", "D", "cpu or cuda (cpu)", options.device);
  table.flag("--profile",
             "measure each kernel; a table at the end, and profile.json",
             options.profile);
  table.flag("--quiet", "no lines of progress", options.quiet);
  table.flag("--version", "print the version", options.version);
  table.flag("--help", "print this", options.help);
  std::vector<std::string> files = table.parse(arguments);
  if (options.version) {
    std::printf("%s\n", versionText());
    return 0;
  }
  if (options.help) {
    std::printf("%s", table.help().c_str());
    return 0;
  }
  if (files.size() != 1)
    failUsage(files.empty()
                  ? std::string("a plan is needed")
                  : cat("one plan is enough: '", files[1], "' is too much"),
              "; usage: pgrt PLAN --seed N, see --help");
  return Job(loadPlan(files[0]), options).run();
}

} // namespace pgrt
