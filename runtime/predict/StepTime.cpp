#include "runtime/predict/StepTime.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/predict/GradientExchange.h"
#include "runtime/predict/SharedUpdate.h"
#include "runtime/support/Error.h"

#include <algorithm>
#include <cmath>

namespace pgrt {

void Share::add(const KernelTime &time, double ofFlops, double ofBytes) {
  ++launches;
  flops += ofFlops;
  bytes += ofBytes;
  seconds += time.seconds;
  boundSeconds[time.bound] += time.seconds;
}

void Share::add(const Share &other, double times) {
  launches += std::llround(double(other.launches) * times);
  flops += other.flops * times;
  bytes += other.bytes * times;
  seconds += other.seconds * times;
  for (const auto &[bound, part] : other.boundSeconds)
    boundSeconds[bound] += part * times;
}

Bound Share::bound() const {
  auto most = std::max_element(
      boundSeconds.begin(), boundSeconds.end(),
      [](const auto &a, const auto &b) { return a.second < b.second; });
  return most == boundSeconds.end() ? Bound::Latency : most->first;
}

ProgramTime predictProgram(const plan::Plan &plan, const PlanTime &times,
                           const plan::Program &program) {
  ProgramTime time;
  time.program = &program;
  time.overlap = overlapPieces(
      layOut(plan, program, times.kernelTimes, *times.machine), *times.machine);
  auto transfer = [&](const char *kind, double moved) {
    KernelTime one = predictTransfer(moved, *times.machine);
    time.total.add(one, 0, moved);
    time.kinds[kind].add(one, 0, moved);
  };
  for (const plan::Command &command : program.commands()) {
    if (command.has_copy())
      transfer("copy", 2 * double(command.copy().bytes()));
    else if (command.has_fill())
      transfer("fill", double(command.fill().bytes()));
    if (!command.has_launch())
      continue; // what the host computes is no part of a step
    int kernel = int(command.launch().kernel());
    const KernelFacts &facts = times.facts[size_t(kernel)];
    const KernelTime &one = times.kernelTimes[size_t(kernel)];
    for (Share *share :
         {&time.total, &time.kinds[facts.kind], &time.kernels[kernel]})
      share->add(one, facts.flops, facts.bytes);
  }
  return time;
}

namespace {

/// Puts a step together from its programs and what passes between GPUs.
class StepBuilder {
public:
  StepBuilder(const plan::Plan &plan, const PlanTime &times)
      : plan(plan), training(plan.training()), times(times),
        machine(*times.machine) {
    step.total.name = "step";
  }

  StepTime build(const std::string &phase) {
    step.phase = phase;
    const double ranks = times.ranks;
    const double parts = double(training.parts()) / ranks;
    const double micros = double(training.batch_tokens()) /
                          double(training.seq()) /
                          double(training.parts() * training.micro_batch());
    const plan::Program *train = findProgram(plan, "train", phase);
    addProgram(findProgram(plan, "prepare"), 1);
    addInputs(*train, parts * micros);
    addClear(parts);
    addProgram(findProgram(plan, "measure", phase), parts * micros);
    addProgram(train, parts * micros);
    const plan::Program *update = findProgram(plan, "update", phase);
    if (times.ranks == 1) {
      addProgram(findProgram(plan, "combine"), parts - 1);
      addProgram(update, 1);
    } else {
      const UpdateShards shards(plan, times.ranks);
      addProgram(findProgram(plan, "combine"),
                 parts - 1 - double(lastSums(int64_t(parts))));
      addExchange(*train, shards, parts, parts * micros);
      if (update)
        addSharedUpdate(*update, shards);
    }
    step.modelFlops = programFlops(plan, *train) * parts * micros;
    step.floorSeconds = step.modelFlops / machine.reference;
    step.goalSeconds = step.floorSeconds * machine.goal;
    findLimits();
    return std::move(step);
  }

private:
  void findLimits() {
    for (const auto &[kernel, share] : step.kernels) {
      const KernelFacts &facts = times.facts[size_t(kernel)];
      const double rate = publishedRate(facts, machine, /*ordered=*/false);
      if (rate == 0)
        continue;
      step.limits.planned += share.seconds;
      step.limits.published += share.flops / rate;
      step.limits.ordered +=
          share.flops / publishedRate(facts, machine, /*ordered=*/true);
    }
  }

  // Tokens and targets go to the GPU before each run, the loss comes back after
  // it, and nothing else runs meanwhile.
  void addInputs(const plan::Program &train, double runs) {
    StepPart part;
    part.name = "inputs and losses";
    part.runs = runs;
    double bytes = 0;
    for (const plan::Port &port : train.inputs())
      bytes += double(port.bytes());
    int copies = train.inputs_size() + train.outputs_size();
    part.seconds =
        runs * (bytes / machine.hostLink + copies * machine.hostLatency);
    part.bound = "host";
    add(part);
  }

  void addClear(double runs) {
    const int gradients = gradientArena(plan);
    if (gradients < 0)
      return;
    StepPart part;
    part.name = "clear gradients";
    part.runs = runs;
    part.launches = int64_t(runs);
    part.bytes = runs * double(plan.arenas(gradients).bytes());
    KernelTime one = predictTransfer(part.bytes / runs, machine);
    part.seconds = runs * one.seconds;
    part.bound = boundName(one.bound);
    add(part);
  }

  // Its time is what does not hide; each run of `train` gives the signals.
  void addExchange(const plan::Program &train, const UpdateShards &shards,
                   double parts, double runs) {
    step.exchange =
        predictGradientExchange(plan, times, train, shards, int64_t(parts));
    StepPart part;
    part.name = "gradients, beside the last run";
    part.launches = step.exchange.launches +
                    int64_t(runs) * int64_t(step.exchange.buckets.size());
    part.flops = step.exchange.flops;
    part.bytes = step.exchange.bytes;
    part.nvlink = step.exchange.nvlink;
    part.seconds = step.exchange.exposed + (runs - 1) * step.exchange.signals;
    part.bound = "NVLink";
    add(part);
  }

  void addSharedUpdate(const plan::Program &update,
                       const UpdateShards &shards) {
    SharedUpdate shared = predictSharedUpdate(plan, times, update, shards);
    for (const StepPart &part : shared.parts)
      add(part);
    for (const auto &[kernel, share] : shared.kernels)
      step.kernels[kernel].add(share);
  }

  void add(const StepPart &part) {
    StepPart &total = step.total;
    total.launches += part.launches;
    total.flops += part.flops;
    total.bytes += part.bytes;
    total.nvlink += part.nvlink;
    total.seconds += part.seconds;
    step.parts.push_back(part);
  }

  void addProgram(const plan::Program *program, double runs) {
    if (!program || runs <= 0)
      return;
    const ProgramTime &time = times.programs[indexOf(*program)];
    const Share &total = time.total;
    StepPart part;
    part.name = program->name();
    part.runs = runs;
    part.launches = int64_t(double(total.launches) * runs);
    part.flops = total.flops * runs;
    part.bytes = total.bytes * runs;
    part.seconds = time.overlap.seconds * runs;
    part.bound = boundName(total.bound());
    add(part);
    for (const auto &[kernel, share] : time.kernels)
      step.kernels[kernel].add(share, runs);
  }

  size_t indexOf(const plan::Program &program) const {
    for (size_t i = 0;; ++i)
      if (times.programs[i].program == &program)
        return i;
  }

  const plan::Plan &plan;
  const plan::Training &training;
  const PlanTime &times;
  const Machine &machine;
  StepTime step;
};

} // namespace

int mostRanks(const plan::Plan &plan, const Machine &machine) {
  int ranks = machine.gpus;
  while (plan.has_training() && !ranksCanShare(plan.training().parts(), ranks))
    --ranks;
  return ranks;
}

PlanTime predictPlan(const plan::Plan &plan, const Machine &machine,
                     int ranks) {
  PlanTime times;
  times.machine = &machine;
  times.ranks = ranks;
  times.facts = kernelFacts(plan);
  for (const KernelFacts &facts : times.facts)
    times.kernelTimes.push_back(predictKernel(facts, machine));
  for (const plan::Program &program : plan.programs())
    times.programs.push_back(predictProgram(plan, times, program));
  times.memoryBytes = arenaBytes(plan);
  if (!plan.has_training() || !findProgram(plan, "train"))
    return times;
  if (!ranksCanShare(plan.training().parts(), ranks))
    failUsage(ranks, " GPUs cannot share a step of ", plan.training().parts(),
              " parts: ", mostRanks(plan, machine), " can");
  for (const plan::Program &program : plan.programs())
    if (program.role() == "train")
      for (const std::string &phase : program.phases())
        times.steps.push_back(StepBuilder(plan, times).build(phase));
  double received = 0;
  for (const StepTime &step : times.steps)
    received = std::max(received, step.exchange.receivedBytes);
  times.memoryBytes += int64_t(received);
  return times;
}

} // namespace pgrt
