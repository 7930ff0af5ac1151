#include "runtime/train/Trainer.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"
#include "runtime/train/Estimate.h"
#include "runtime/train/GradientTree.h"
#include "runtime/train/Initialise.h"

#include <cmath>

namespace pgrt {

Trainer::Trainer(Executor &executor, WindowOrder &data, const Budget &budget,
                 EventLog &log, Progress &progress, double peak)
    : executor(executor), data(data), budget(budget), log(log),
      progress(progress), peak(peak), plan(executor.plan()),
      training(plan.training()), switches(size_t(training.switches_size())) {}

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

// False if an interrupt came.
bool Trainer::runParts(const plan::Program &train, int64_t step,
                       const std::vector<double> &scalars, double &loss,
                       std::vector<double> &terms) {
  const int gradients = gradientArena(plan), others = otherGradientArena(plan);
  const int64_t parts = training.parts(), rows = training.micro_batch(),
                seq = training.seq();
  const int64_t windows = training.batch_tokens() / seq,
                micros = windows / parts / rows;
  const plan::Program *combineProgram = findProgram(plan, "combine");
  const plan::Port &tokenPort = *findPort(train.inputs(), "tokens");
  const plan::Port &targetPort = *findPort(train.inputs(), "targets");
  GradientTree tree(gradientInstances(parts));
  auto combine = [&](int to, int from) {
    executor.bind(gradients, to);
    executor.bind(others, from);
    executor.run(*combineProgram, scalars);
  };
  std::vector<int64_t> tokens(static_cast<size_t>(rows * seq)),
      targets(static_cast<size_t>(rows * seq));
  double begin = Profile::now();
  loss = 0;
  terms.assign(size_t(train.outputs_size()), 0);
  for (int64_t part = 0; part < parts; ++part) {
    int instance = tree.allocate();
    executor.bind(gradients, instance);
    executor.clearArena(gradients);
    for (int64_t micro = 0; micro < micros; ++micro) {
      if (interrupted())
        return false;
      for (int64_t row = 0; row < rows; ++row)
        data.read(step, part, micro * rows + row, windows, parts,
                  tokens.data() + row * seq, targets.data() + row * seq);
      executor.writePort(tokenPort, tokens.data());
      executor.writePort(targetPort, targets.data());
      executor.run(train, scalars);
      for (int i = 0; i < train.outputs_size(); ++i) {
        const plan::Port &port = train.outputs(i);
        if (port.name() == "loss")
          loss += executor.readScalar(port);
        else if (port.name().starts_with("term."))
          terms[size_t(i)] += executor.readScalar(port);
      }
      double seconds = Profile::now() - begin;
      int64_t done = part * micros + micro + 1;
      // The second micro-batch no longer pays for first touches; a step that is
      // one micro-batch has no second.
      if (!estimated &&
          (done == std::min<int64_t>(2, parts * micros) || seconds > 5)) {
        estimated = true;
        progress.say(trainingEstimate(
            training, budget, seconds / double(done) * double(parts * micros),
            "measured on its first micro-batches", /*advise=*/peak <= 0));
      }
      progress.withinStep(step, done, parts * micros, seconds);
    }
    tree.add(instance, combine);
  }
  executor.bind(gradients, tree.finish(combine));
  double runs = double(parts * micros);
  loss /= runs;
  for (double &term : terms)
    term /= runs;
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
    double before = Profile::now() - begin;
    if (interrupted()) {
      result.stopped = true;
      break;
    }
    if (budget.finished(step, before))
      break;
    double progressValue = budget.progress(step, before);
    std::vector<double> scalars = evaluateScalars(plan, step, progressValue);
    std::string phase = currentPhase(scalars, step, progressValue);
    const plan::Program &train = programFor("train", phase);
    if (const plan::Program *prepare = findProgram(plan, "prepare"))
      executor.run(*prepare, scalars);
    double loss = 0;
    if (!runParts(train, step, scalars, loss, terms)) {
      result.stopped = true;
      break;
    }
    if (!std::isfinite(loss))
      failInput("the loss is not a finite number in step ", step + 1,
                ": training has diverged; lower the learning rate, or look at "
                "the data");
    if (step == 0)
      startAverages(executor);
    executor.run(programFor("update", phase), scalars);

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
  result.seconds = Profile::now() - begin;
  return result;
}

} // namespace pgrt
