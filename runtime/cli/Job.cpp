// pgrt PLAN: train, average, quantise, pack, evaluate, and write what came of
// it.

#include "runtime/cli/Job.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Options.h"
#include "runtime/cli/Ranks.h"
#include "runtime/device/cpu/CodeObject.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"
#include "runtime/train/Estimate.h"
#include "runtime/train/Initialise.h"
#include "runtime/train/RankUpdate.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>

namespace pgrt {

Job::Job(const LoadedPlan &loaded, const JobOptions &options, Collective &ranks)
    : loaded(loaded), plan(loaded.plan), options(options), ranks(ranks),
      root(ranks.rank() == 0), stagesGiven(!options.stages.empty()),
      progress(options.quiet || !root) {
  chooseStages();
  if (!options.order.empty() && options.order != "shuffled" &&
      options.order != "sequential" && options.order != "coprime")
    failUsage("--order: '", options.order,
              "' is not shuffled, sequential or coprime");
  if (wants("train") && !plan.has_training())
    failInput("'", loaded.path,
              "' cannot train: it holds programs to score only");
  if (!wants("train") && options.init.empty())
    failUsage("--stages ", options.stages,
              " takes weights that are there: say which with --init "
              "W.safetensors");
  if (wants("train"))
    checkRanks(plan.training().parts(), ranks.size());
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

void Job::chooseStages() {
  static const std::vector<std::string> known = {"train", "quantize",
                                                 "evaluate"};
  bool quantizes = findProgram(plan, "quantize") != nullptr;
  for (const std::string &stage : split(stagesGiven ? options.stages
                                        : quantizes ? "train,quantize,evaluate"
                                                    : "train,evaluate",
                                        ',')) {
    if (std::find(known.begin(), known.end(), stage) == known.end())
      failUsage("--stages: there is no stage '", stage, "'",
                didYouMean(stage, known));
    stages.insert(stage);
  }
  if (wants("quantize") && !quantizes)
    failInput("'", loaded.path,
              "' cannot quantize: its model has no sections quantize and pack, "
              "or it was compiled to score only");
}

// A missing folder is the first thing that goes wrong for many: the message
// says how to make it.
void Job::openData() {
  std::error_code error;
  if (!std::filesystem::exists(dataPath, error))
    failInput("there are no data in '", dataPath,
              "': make them with  pgdata build TEXT… --vocab ", plan.vocab(),
              " --out ", dataPath, "  or say where they are with --data");
  if (!wants("train") && !wants("quantize"))
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
  validation = openValidation(plan.vocab(),
                              {dataPath, options.tokenizer, options.valTokens,
                               wants("train") || wants("quantize")},
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
  progress.say(memoryTable(plan, int(threadsOfRank(options.threads, ranks))));
}

// By the FLOPs of the windows alone; what test-time training learns is as much
// again, or more.
void Job::estimateEvaluation() {
  if (!validation || peak <= 0)
    return;
  for (int i = 0; i < plan.evaluations_size(); ++i) {
    const plan::Evaluation &evaluation = plan.evaluations(i);
    if (!evaluationHasPrograms(plan, evaluation))
      continue;
    double flops = 0;
    auto add = [&](const plan::Program &program, double share) {
      flops += programFlops(plan, program) / double(program.batch()) * share;
    };
    for (const Action &action : evaluationActions(
             evaluation, validation->positions(evaluation.seq()))) {
      if (action.kind == Action::Adapt)
        add(plan.programs(int(evaluation.adapt())),
            double(action.end - action.begin) / double(evaluation.seq()));
      else
        add(plan.programs(int(evaluation.has_tail() && action.begin > 0
                                  ? evaluation.tail()
                                  : evaluation.score())),
            1);
    }
    if (flops <= 0)
      continue;
    double seconds = flops / (0.5 * peak);
    constexpr double longSeconds = 600;
    std::string text = cat(
        "  evaluate  ", evaluation.stage(), ", ", evaluation.kind(), ": ",
        withThousands(validation->positions(evaluation.seq())),
        " tokens, about ", readableSeconds(seconds), " (at half of the peak)");
    if (seconds > longSeconds) { // as many as fit, as a round number
      double tokens = double(validation->positions(evaluation.seq())) *
                      longSeconds / seconds;
      text += cat("\n            that is long: score fewer with  --val-tokens ",
                  std::bit_floor(
                      std::max<uint64_t>(2, uint64_t(std::max(tokens, 0.0)))));
    }
    progress.say(text);
  }
}

// What ranks must have in common to come to the same weights.
void Job::checkSameEverywhere() {
  if (ranks.size() == 1)
    return;
  checkSame(ranks, "version", versionText());
  checkSame(ranks, "plan", toHex(loaded.digest));
  checkSame(ranks, "choice of options",
            cat("--seed ", options.seed, " --steps ", options.steps,
                " --wallclock ", options.wallclock, " --order '", options.order,
                "' --stages '", options.stages, "' --val-tokens ",
                options.valTokens));
  checkSame(ranks, "device", options.device);
  if (options.device == "cpu" && plan.kernels_size())
    checkSame(ranks, "choice of the plan's code for its processor",
              chooseCode(plan).target());
  if (data)
    checkSame(ranks, "content of its training data", toHex(data->dataHash()));
  checkSame(ranks, "validation set",
            validation ? toHex(validation->hash(
                             int64_t(validation->tokens.size()) - 1))
                       : "none");
}

void Job::run() {
  const double begin = Profile::now();
  introduce();
  openData();
  prepareEvaluation();
  checkSameEverywhere();
  if (root)
    makeFolders(out);
  log = std::make_unique<EventLog>(root ? out + "/log.jsonl" : "");
  catchInterrupts();
  device = openDevice(deviceOfRank(options.device, ranks),
                      threadsOfRank(options.threads, ranks));
  executor = std::make_unique<Executor>(plan, *device);
  gpus = openDeviceCollective(ranks, *device);
  if (options.profile) {
    profile = std::make_unique<Profile>(plan);
    executor->setProfile(profile.get());
  }
  if (options.init.empty()) {
    initialise(*executor, uint64_t(options.seed));
  } else {
    initialiseStates(*executor, uint64_t(options.seed));
    loadWeights(*executor, SafetensorsFile(options.init));
  }
  std::vector<double> peaks(static_cast<size_t>(ranks.size()));
  peak = device->measurePeak(plan.numerics());
  ranks.allGather(&peak, peaks.data(), sizeof peak);
  peak = std::accumulate(peaks.begin(), peaks.end(), 0.0);
  std::string hardware = device->description();
  if (ranks.size() > 1)
    hardware = cat(ranks.size(), " ranks, the first: ", hardware);
  progress.say(formatted("machine   %s; peak %.0f GFLOP/s", hardware.c_str(),
                         peak * 1e-9));
  progress.say(
      formatted("ready     %.2f s after the start", Profile::now() - begin));

  submission.name = plan.model_name();
  submission.seed = uint64_t(options.seed);
  submission.hardware = hardware;
  submission.versions = cat(versionText(), ", ", plan.producer());
  submission.planHash = toHex(loaded.digest);
  submission.cap = plan.pack().cap();
  try {
    runStages();
  } catch (const Stopped &) {
    stopped = true;
    progress.say("stopped: the stage under way left nothing; writing what "
                 "there is");
  }
  if (root)
    writeSubmission(out + "/submission.json", submission);
  if (profile && root) {
    std::fprintf(stderr, "%s", profile->table().c_str());
    JsonWriter json;
    profile->writeJson(json);
    writeFileAtomically(out + "/profile.json", json.text() + "\n");
  }
  progress.say("wrote     " + out);
}

int runJob(const std::vector<std::string> &arguments) {
  JobOptions options;
  OptionTable table(
      "pgrt PLAN --seed N [options]\n"
      "       mpirun -n N pgrt PLAN …        the same bits, by N processes "
      "(ranks)\n"
      "       pgrt probe PLAN …              one forward and backward, for "
      "tests\n"
      "       pgrt inspect PLAN|ARTIFACT …   what is in it\n"
      "       pgrt eval ARTIFACT …           scores an artifact\n"
      "       pgrt verify ARTIFACT …         checks that an entry is legal\n"
      "       pgrt entry RUN RUN RUN …       assembles an entry of several "
      "runs\n"
      "       (each has --help)",
      "Trains a compiled model, averages its weights, quantises, packs and "
      "evaluates them, and writes log.jsonl,\n"
      "final.safetensors, weights.safetensors, artifact.pgz and "
      "submission.json. Ctrl-C stops between\n"
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
  table.text("--stages", "LIST",
             "of train,quantize,evaluate (all that the plan has)",
             options.stages);
  table.integer("--threads", "N",
                "threads (one for each processor); results do not depend on it",
                options.threads, 1, 1024);
  table.text("--device", "D", "cpu, cuda, or cuda:N (cpu)", options.device);
  table.integer("--devices", "N",
                "divide the job over N devices of this machine (1), each a "
                "rank; results do not depend on it",
                options.devices, 1, 64);
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
  return runOnRanks(options.devices, [&](Collective &ranks) {
    std::unique_ptr<LoadedPlan> loaded =
        loadPlan(files[0], deviceKind(options.device));
    Job(*loaded, options, ranks).run();
  });
}

} // namespace pgrt
