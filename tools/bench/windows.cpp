// pg-windows: how fast a plan's windows are scored whole, and at their ends
// alone.
//
// Runs the programs of the plan's first item of `evaluate` whose windows
// overlap, in turn, on random tokens and fresh weights. Prints one JSON object:
// windows a second of both (medians), their ratio, and the largest difference
// between what both say of a position, relative to its score.

#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/executor/Executor.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/PlanLoader.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/train/Initialise.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

using namespace pgrt;

namespace {

double medianOf(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2,
                   values.end());
  return values[values.size() / 2];
}

/// Draws what starts as zero, too: or else most of the network does nothing.
void fillZeros(Executor &executor, std::mt19937_64 &random) {
  for (const plan::Parameter &parameter : executor.plan().parameters()) {
    const auto &init = parameter.init();
    if (parameter.type() != plan::F32 || !init.has_constant() ||
        init.constant().values_size() != 1 || init.constant().values(0) != 0)
      continue;
    int64_t elements = 1;
    for (int64_t size : parameter.shape())
      elements *= size;
    std::vector<float> values(static_cast<size_t>(elements));
    for (float &value : values)
      value = 0.05f * (float(random() % 65536) / 32768 - 1);
    executor.device().write(executor.address(parameter.slot()), values.data(),
                            elements * 4);
  }
}

/// One of the two programs, its inputs filled with the first of the tokens.
struct Scorer {
  Executor &executor;
  const plan::Program &program;
  const std::vector<int64_t> &tokens;
  const std::vector<double> &scalars;
  std::vector<double> seconds = {};

  void run(bool counts) {
    std::vector<int64_t> inputs, targets;
    for (int64_t window = 0; window < program.batch(); ++window)
      for (int64_t t = 0; t < program.seq(); ++t) {
        size_t at = size_t(window * program.seq() + t);
        inputs.push_back(tokens[at]);
        targets.push_back(tokens[at + 1]);
      }
    executor.writePort(*findPort(program.inputs(), "tokens"), inputs.data());
    executor.writePort(*findPort(program.inputs(), "targets"), targets.data());
    double begin = Profile::now();
    executor.run(program, scalars);
    if (counts)
      seconds.push_back((Profile::now() - begin) / double(program.batch()));
  }

  std::vector<double> scores() const {
    const plan::Port &port = *findPort(program.outputs(), "nll");
    int64_t count = port.bytes() / typeBytes(port.type());
    std::vector<double> wide(static_cast<size_t>(count));
    std::vector<float> narrow(static_cast<size_t>(count));
    void *to = port.type() == plan::F64 ? static_cast<void *>(wide.data())
                                        : narrow.data();
    executor.device().read(to, executor.address(port.slot()), port.bytes());
    if (port.type() == plan::F32)
      std::copy(narrow.begin(), narrow.end(), wide.begin());
    return wide;
  }
};

int measure(const std::string &path, int rounds, int threads) {
  std::unique_ptr<LoadedPlan> loaded = loadPlan(path);
  const plan::Plan &plan = loaded->plan;
  const plan::Evaluation *item = nullptr;
  for (const plan::Evaluation &candidate : plan.evaluations())
    if (!item && candidate.has_tail() && candidate.tail() != candidate.score())
      item = &candidate;
  if (!item)
    failInput("no evaluation of '", path, "' has windows that overlap");
  CpuDevice device(threads);
  Executor executor(plan, device);
  initialise(executor, 314);
  std::mt19937_64 random(1);
  fillZeros(executor, random);
  std::vector<double> scalars = evaluateScalars(plan, {});
  if (const plan::Program *prepare = findProgram(plan, "prepare"))
    executor.run(*prepare, scalars);

  const plan::Program &whole = plan.programs(int(item->score())),
                      &end = plan.programs(int(item->tail()));
  std::vector<int64_t> tokens(
      size_t(std::max(whole.batch(), end.batch()) * item->seq() + 1));
  for (int64_t &token : tokens)
    token = int64_t(random() % uint64_t(plan.vocab()));
  Scorer all{executor, whole, tokens, scalars},
      last{executor, end, tokens, scalars};
  std::vector<double> expected, got;
  for (int round = 0; round <= rounds; ++round) { // the first one warms up
    all.run(round > 0);
    expected = all.scores();
    last.run(round > 0);
    got = last.scores();
  }
  double difference = 0;
  int64_t common = std::min(whole.batch(), end.batch()), scored = end.scored();
  for (int64_t i = 0; i < common * scored; ++i) {
    double wanted = expected[size_t(i / scored * item->seq() + item->seq() -
                                    scored + i % scored)];
    difference = std::max(difference, std::fabs(got[size_t(i)] - wanted) /
                                          std::max(1.0, std::fabs(wanted)));
  }
  double wholeRate = 1 / medianOf(all.seconds),
         endRate = 1 / medianOf(last.seconds);
  std::printf(
      "{\"seq\": %lld, \"stride\": %lld, \"whole_windows_per_s\": %.3f, "
      "\"end_windows_per_s\": %.3f, \"ratio\": %.4f, "
      "\"largest_difference\": %.2e}\n",
      static_cast<long long>(item->seq()),
      static_cast<long long>(item->stride()), wholeRate, endRate,
      endRate / wholeRate, difference);
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2 || argc > 4) {
    std::fprintf(stderr, "usage: pg-windows PLAN [ROUNDS [THREADS]]\n");
    return int(ExitCode::Usage);
  }
  int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  int threads = argc > 3
                    ? std::atoi(argv[3])
                    : int(std::max(1u, std::thread::hardware_concurrency()));
  try {
    return measure(argv[1], std::max(1, rounds), std::max(1, threads));
  } catch (const Error &error) {
    std::fprintf(stderr, "pg-windows: error: %s\n", error.what());
    return int(error.code);
  }
}
