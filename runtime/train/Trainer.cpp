#include "runtime/train/Trainer.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"
#include "runtime/train/Estimate.h"
#include "runtime/train/Initialise.h"

#include <algorithm>
#include <cmath>

namespace pgrt {

Trainer::Trainer(Executor &executor, Collective &ranks, WindowOrder &data,
                 const Budget &budget, EventLog &log, Progress &progress,
                 double peak, const BucketTimes &times)
    : executor(executor), ranks(ranks), data(data), budget(budget), log(log),
      progress(progress), peak(peak), plan(executor.plan()),
      training(plan.training()), switches(size_t(training.switches_size())),
      rankUpdate(executor, ranks, times) {}

const plan::Program &Trainer::programFor(const char *role,
                                         const std::string &phase) const {
  const plan::Program *program = findProgram(plan, role, phase);
  if (!program)
    failInput(
        "the plan has no ", role, " program for phase '", phase,
        "': its compiler held that its switches cannot be on together so");
  return *program;
}

// A switch stays on once its condition held.
std::string Trainer::currentPhase(const std::vector<double> &scalars,
                                  int64_t step, double progressValue) {
  for (int i = 0; i < training.switches_size(); ++i) {
    if (switches[size_t(i)] || scalars[training.switches(i).condition()] == 0)
      continue;
    switches[size_t(i)] = true;
    progress.say(formatted("switch %s is on from step %lld (progress %.3f)",
                           training.switches(i).name().c_str(),
                           (long long)(step + 1), progressValue));
  }
  return phaseName(training, switches);
}

bool Trainer::interruptedHere() {
  if (!interrupted())
    return false;
  if (!askedToStop)
    ranks.askToStop();
  askedToStop = true;
  return true;
}

Trainer::Clock Trainer::agree(double elapsed) {
  std::vector<Clock> clocks(static_cast<size_t>(ranks.size()));
  Clock mine = {interruptedHere(), elapsed};
  ranks.allGather(&mine, clocks.data(), sizeof mine);
  return {std::any_of(clocks.begin(), clocks.end(),
                      [](const Clock &clock) { return clock.stop; }),
          clocks[0].elapsed};
}

// Ranks exchange gradients beside the step's last micro-batch: once that has
// begun nobody stops, and all decide before it, together. Who stops earlier
// says so there and then.
bool Trainer::goesOn(bool isLast) {
  ranks.check();
  const bool stops = interruptedHere();
  return !(isLast || stops ? ranks.any(stops) : stops);
}

static bool isMeaned(const plan::Port &port) {
  return port.name() == "loss" || port.name().starts_with("term.");
}

void Trainer::runMicroBatch(const plan::Program &program, int64_t part,
                            int64_t micro, const ScalarInputs &inputs) {
  const int64_t rows = training.micro_batch(), seq = training.seq(),
                windows = training.batch_tokens() / seq;
  std::vector<int64_t> tokens(static_cast<size_t>(rows * seq)),
      targets(static_cast<size_t>(rows * seq));
  for (int64_t row = 0; row < rows; ++row)
    data.read(inputs.step, part, micro * rows + row, windows, training.parts(),
              tokens.data() + row * seq, targets.data() + row * seq);
  executor.writePort(*findPort(program.inputs(), "tokens"), tokens.data());
  if (const plan::Port *port = findPort(program.inputs(), "targets"))
    executor.writePort(*port, targets.data());
  ScalarInputs own = inputs;
  own.microBatch = micro;
  executor.run(program, evaluateScalars(plan, own));
}

void Trainer::combineInstances(int to, int from,
                               const std::vector<double> &scalars) {
  executor.bind(gradientArena(plan), to);
  executor.bind(otherGradientArena(plan), from);
  executor.run(*findProgram(plan, "combine"), scalars);
}

// Adds the gradients of all parts, also of other ranks. `last`: the instance of
// this rank's last part; its run may be under way.
void Trainer::addParts(const plan::Program &train, GradientTree &tree, int last,
                       const std::vector<double> &scalars) {
  std::vector<InstanceSum> sums; // left to rankUpdate
  auto combine = [&](int to, int from) {
    if (rankUpdate.runsBeside())
      sums.push_back({to, from});
    else
      combineInstances(to, from, scalars);
  };
  tree.add(last, combine);
  executor.bind(gradientArena(plan), tree.finish(combine));
  rankUpdate.addGradients(train, sums);
}

// False if an interrupt came, on whatever rank. `outputs`: of each micro-batch.
bool Trainer::runOwnParts(const plan::Program &train,
                          const ScalarInputs &inputs,
                          std::vector<double> &outputs) {
  GradientTree tree(gradientInstances(training.parts()));
  const int gradients = gradientArena(plan);
  const int64_t parts = training.parts(), own = parts / ranks.size(),
                micros = training.batch_tokens() / training.seq() / parts /
                         training.micro_batch();
  const std::vector<double> scalars = evaluateScalars(plan, inputs);
  // A plan that was checked names the phases of each train program.
  const plan::Program *measure = findProgram(plan, "measure", train.phases(0));
  double begin = Profile::now();
  double measured = 0; // seconds of it that went into `measure`
  outputs.clear();
  for (int64_t i = 0; i < own; ++i) {
    const int64_t part = ranks.rank() * own + i;
    int instance = tree.allocate();
    executor.bind(gradients, instance);
    executor.clearArena(gradients);
    for (int64_t micro = 0; measure && micro < micros; ++micro) {
      if (!goesOn(false))
        return false;
      double before = Profile::now();
      runMicroBatch(*measure, part, micro, inputs);
      measured += Profile::now() - before;
    }
    for (int64_t micro = 0; micro < micros; ++micro) {
      const bool isLast = i + 1 == own && micro + 1 == micros;
      if (!goesOn(isLast))
        return false;
      runMicroBatch(train, part, micro, inputs);
      // Reading waits for the run.
      if (isLast && rankUpdate.runsBeside())
        addParts(train, tree, instance, scalars);
      for (const plan::Port &port : train.outputs())
        outputs.push_back(isMeaned(port) ? executor.readScalar(port) : 0);
      double seconds = Profile::now() - begin;
      int64_t done = i * micros + micro + 1;
      // The second micro-batch no longer pays for first touches; a step that is
      // one micro-batch has no second.
      if (!estimated &&
          (done == std::min<int64_t>(2, own * micros) || seconds > 5)) {
        estimated = true;
        progress.say(trainingEstimate(
            training, budget,
            measured / double(i + 1) * double(own) +
                (seconds - measured) / double(done) * double(own * micros),
            "measured on its first micro-batches", /*advise=*/peak <= 0));
      }
      progress.withinStep(inputs.step, done, own * micros, seconds);
    }
    if (i + 1 < own)
      tree.add(instance,
               [&](int to, int from) { combineInstances(to, from, scalars); });
    else if (!rankUpdate.runsBeside())
      addParts(train, tree, instance, scalars);
  }
  return true;
}

// Over all micro-batches, in their order.
void Trainer::meanOutputs(const plan::Program &train,
                          const std::vector<double> &outputs, double &loss,
                          std::vector<double> &terms) const {
  const auto ports = size_t(train.outputs_size());
  loss = 0;
  terms.assign(ports, 0);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::string &name = train.outputs(int(i % ports)).name();
    if (name == "loss")
      loss += outputs[i];
    else
      terms[i % ports] += outputs[i];
  }
  double runs = double(outputs.size() / ports);
  loss /= runs;
  for (double &term : terms)
    term /= runs;
}

// False if an interrupt came, on whatever rank.
bool Trainer::runParts(const plan::Program &train, const ScalarInputs &inputs,
                       double &loss, std::vector<double> &terms) {
  std::vector<double> own;
  if (!runOwnParts(train, inputs, own))
    return false;
  std::vector<double> all(own.size() * size_t(ranks.size()));
  ranks.allGather(own.data(), all.data(), int64_t(own.size() * sizeof own[0]));
  meanOutputs(train, all, loss, terms);
  return true;
}

void Trainer::logStep(const StepReport &report, const plan::Program &train,
                      const std::vector<double> &terms,
                      const std::string &phase, double progressValue) {
  JsonWriter json;
  json.beginObject()
      .field("event", "step")
      .field("step", report.step)
      .field("loss", report.loss);
  json.key("terms").beginObject();
  for (int i = 0; i < train.outputs_size(); ++i)
    if (train.outputs(i).name().starts_with("term."))
      json.field(train.outputs(i).name().substr(5), terms[size_t(i)]);
  json.endObject();
  json.field("lr", report.lr)
      .field("phase", phase)
      .field("progress", progressValue)
      .field("tokens", (report.step + 1) * report.tokens)
      .field("tokens_per_s", double(report.tokens) / report.seconds)
      .field("elapsed_s", report.elapsed)
      .endObject();
  log.write(json);
}

TrainResult Trainer::run() {
  TrainResult result;
  double begin = Profile::now();
  std::vector<double> terms;
  for (int64_t step = 0;; ++step) {
    Clock clock = agree(Profile::now() - begin);
    const double before = clock.elapsed;
    if (clock.stop) {
      result.stopped = true;
      break;
    }
    if (budget.finished(step, before))
      break;
    double progressValue = budget.progress(step, before);
    ScalarInputs inputs;
    inputs.step = step;
    inputs.progress = progressValue;
    std::vector<double> scalars = evaluateScalars(plan, inputs);
    std::string phase = currentPhase(scalars, step, progressValue);
    const plan::Program &train = programFor("train", phase);
    if (const plan::Program *prepare = findProgram(plan, "prepare"))
      executor.run(*prepare, scalars);
    double loss = 0;
    if (!runParts(train, inputs, loss, terms)) {
      result.stopped = true;
      break;
    }
    if (!std::isfinite(loss))
      failInput("the loss is not a finite number in step ", step + 1,
                ": training has diverged; lower the learning rate, or look at "
                "the data");
    if (step == 0)
      startAverages(executor);
    rankUpdate.run(programFor("update", phase), scalars);

    StepReport report;
    report.step = step;
    report.loss = loss;
    report.lr = training.has_lr() ? scalars[training.lr()] : 0;
    report.elapsed = Profile::now() - begin;
    report.seconds = std::max(report.elapsed - before, 1e-9);
    report.tokens = training.batch_tokens();
    report.flops = stepFlops(plan, train);
    result.steps = step + 1;
    result.lastLoss = loss;
    logStep(report, train, terms, phase, progressValue);
    progress.step(report, budget, peak,
                  budget.finished(step + 1, report.elapsed));
  }
  if (result.steps == 0)
    startAverages(executor);
  rankUpdate.shareAverages();
  executor.device().wait();
  result.seconds = Profile::now() - begin;
  return result;
}

} // namespace pgrt
