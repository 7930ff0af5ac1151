// pg-pieces: runs single programs of a plan on command, and times them.
//
// Reads lines "ROLE [PHASE]" from standard input: train and update with their
// phase, score, end (the last positions of a window: the first sliding
// evaluation's), capture, quantize, combine. Runs the program on the first
// tokens of the shard and answers with a line of JSON: seconds, the tokens that
// went in, and the loss (or mean nll) where there is one. "memory" answers with
// the process's peak in MiB. WEIGHTS "-": initial values. Update includes what
// a step prepares for the next one. Waits between commands, so that something
// else can be timed in turn.

#include "runtime/data/Shard.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/executor/Executor.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/PlanLoader.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/support/Json.h"
#include "runtime/train/Initialise.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <sys/resource.h>
#include <thread>

using namespace pgrt;

namespace {

class Pieces {
public:
  Pieces(const plan::Plan &plan, const std::string &weights,
         const std::string &shard, int threads)
      : plan(plan), shard(shard), device(threads), executor(plan, device) {
    if (weights == "-") {
      initialise(executor, 314);
    } else {
      initialiseStates(executor, 314);
      loadWeights(executor, SafetensorsFile(weights));
    }
    scalars = evaluateScalars(plan, 0, 0);
    prepare();
  }

  std::string run(const std::string &role, const std::string &phase) {
    if (role == "combine")
      return combine();
    const plan::Program &program = find(role, phase);
    executor.allocateFor(program);
    if (role == "update" && !averaging) {
      startAverages(executor);
      averaging = true;
    }
    int64_t tokens = fill(program);
    double begin = Profile::now();
    executor.run(program, scalars);
    if (role == "update")
      prepare();
    double seconds = Profile::now() - begin;
    JsonWriter json;
    json.beginObject().field("seconds", seconds).field("tokens", tokens);
    json.field("sequences", program.batch());
    for (const plan::Port &port : program.outputs())
      if (port.name() == "loss" || port.name() == "nll")
        json.field("loss", mean(port));
    json.endObject();
    return json.text();
  }

private:
  /// What each part of a step but the first costs beside its micro-batches:
  /// zeroes its gradients, and adds them to those that are there. All that a
  /// step sums at once are touched, for the process's peak.
  std::string combine() {
    const plan::Program &program = find("combine", "");
    executor.allocateFor(program);
    for (int64_t i = gradientInstances(plan.training().parts()); --i > 1;) {
      executor.bind(gradientArena(plan), int(i));
      executor.clearArena(gradientArena(plan));
    }
    double begin = Profile::now();
    executor.bind(gradientArena(plan), 1);
    executor.clearArena(gradientArena(plan));
    executor.bind(gradientArena(plan), 0);
    executor.bind(otherGradientArena(plan), 1);
    executor.run(program, scalars);
    double seconds = Profile::now() - begin;
    JsonWriter json;
    json.beginObject().field("seconds", seconds).endObject();
    return json.text();
  }

  void prepare() {
    if (const plan::Program *program = findProgram(plan, "prepare"))
      executor.run(*program, scalars);
  }

  const plan::Program &find(const std::string &role, const std::string &phase) {
    if (role == "end") {
      for (const plan::Evaluation &item : plan.evaluations())
        if (item.has_tail() && item.tail() != item.score())
          return plan.programs(int(item.tail()));
    } else if (const plan::Program *program = findProgram(plan, role, phase)) {
      return *program;
    }
    failInput("the plan has no program '", role, "'",
              phase.empty() ? "" : " in phase ", phase);
  }

  /// Returns the number of tokens that the program takes.
  int64_t fill(const plan::Program &program) {
    const plan::Port *tokens = findPort(program.inputs(), "tokens"),
                     *targets = findPort(program.inputs(), "targets");
    if (!tokens)
      return 0;
    int64_t count = program.batch() * program.seq();
    std::vector<int64_t> values(static_cast<size_t>(count + 1));
    shard.read(0, count + 1, plan.vocab(), values.data());
    executor.writePort(*tokens, values.data());
    if (targets)
      executor.writePort(*targets, values.data() + 1);
    return count;
  }

  double mean(const plan::Port &port) {
    const int64_t count = port.bytes() / typeBytes(port.type());
    plan::Port one = port;
    one.set_bytes(typeBytes(port.type()));
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) {
      one.mutable_slot()->set_offset(port.slot().offset() + i * one.bytes());
      sum += executor.readScalar(one);
    }
    return sum / double(count);
  }

  const plan::Plan &plan;
  Shard shard;
  CpuDevice device;
  Executor executor;
  std::vector<double> scalars;
  bool averaging = false;
};

std::string peakMemory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  JsonWriter json;
  json.beginObject().field("peak_mib", double(usage.ru_maxrss) / 1024);
  json.endObject();
  return json.text();
}

int serve(const std::string &path, const std::string &weights,
          const std::string &shard, int threads) {
  std::unique_ptr<LoadedPlan> loaded = loadPlan(path);
  Pieces pieces(loaded->plan, weights, shard, threads);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string role, phase;
    words >> role >> phase;
    std::printf("%s\n", role == "memory" ? peakMemory().c_str()
                                         : pieces.run(role, phase).c_str());
    std::fflush(stdout);
  }
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr,
                 "usage: pg-pieces PLAN WEIGHTS.safetensors SHARD [THREADS]\n");
    return int(ExitCode::Usage);
  }
  int threads = argc > 4
                    ? std::atoi(argv[4])
                    : int(std::max(1u, std::thread::hardware_concurrency()));
  try {
    return serve(argv[1], argv[2], argv[3], std::max(1, threads));
  } catch (const Error &error) {
    std::fprintf(stderr, "pg-pieces: error: %s\n", error.what());
    return int(error.code);
  }
}
