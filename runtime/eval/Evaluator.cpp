#include "runtime/eval/Evaluator.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pgrt {

// A tensor of floats, as double.
static std::vector<double> readValues(const Executor &executor,
                                      const plan::Port &port) {
  std::vector<double> values(size_t(port.bytes() / typeBytes(port.type())));
  const void *from = executor.address(port.slot());
  if (port.type() == plan::F64) {
    executor.device().read(values.data(), from, port.bytes());
  } else {
    std::vector<float> narrow(values.size());
    executor.device().read(narrow.data(), from, port.bytes());
    std::copy(narrow.begin(), narrow.end(), values.begin());
  }
  return values;
}

namespace {
/// Keeps the parameters, and puts them back when it goes.
class ParameterGuard {
public:
  explicit ParameterGuard(Executor &executor) : executor(executor) {
    for (const plan::Parameter &parameter : executor.plan().parameters()) {
      int64_t bytes = typeBytes(parameter.type());
      for (int64_t size : parameter.shape())
        bytes *= size;
      copies.emplace_back(size_t(bytes));
      executor.device().read(copies.back().data(),
                             executor.address(parameter.slot()), bytes);
    }
  }
  ~ParameterGuard() {
    for (size_t i = 0; i < copies.size(); ++i)
      executor.device().write(
          executor.address(executor.plan().parameters(int(i)).slot()),
          copies[i].data(), int64_t(copies[i].size()));
    if (const plan::Program *program = findProgram(executor.plan(), "prepare"))
      executor.run(*program, evaluateScalars(executor.plan(), 0, 1));
  }
  ParameterGuard(const ParameterGuard &) = delete;
  ParameterGuard &operator=(const ParameterGuard &) = delete;

private:
  Executor &executor;
  std::vector<std::vector<char>> copies;
};
} // namespace

void Evaluator::prepare() {
  if (const plan::Program *program = findProgram(plan, "prepare"))
    executor.run(*program, evaluateScalars(plan, 0, 1));
}

void Evaluator::startStates(int evaluation) {
  for (const plan::State &state : plan.states()) {
    if (!state.has_evaluation() || int(state.evaluation()) != evaluation)
      continue;
    int64_t elements = 1;
    for (int64_t size : state.shape())
      elements *= size;
    if (state.has_init() && !state.init().has_constant())
      failInput("state '", state.name(),
                "' of an evaluation starts with a draw: that is not supported");
    std::vector<double> values(static_cast<size_t>(elements), 0.0);
    const auto &given = state.init().constant().values();
    for (int64_t i = 0; i < elements && !given.empty(); ++i)
      values[size_t(i)] = given.Get(given.size() == 1 ? 0 : int(i));
    void *to = executor.address(state.slot());
    if (state.type() == plan::F64) {
      executor.device().write(to, values.data(), elements * 8);
    } else {
      std::vector<float> narrow(values.begin(), values.end());
      executor.device().write(to, narrow.data(), elements * 4);
    }
  }
}

// The negative log-likelihoods of the positions that the windows score, in
// their order.
std::vector<double> Evaluator::scoreBatch(const plan::Evaluation &evaluation,
                                          const Batch &batch) {
  const plan::Program &program =
      plan.programs(int(batch.tail ? evaluation.tail() : evaluation.score()));
  const int64_t seq = program.seq(),
                scored = program.scored() ? program.scored() : seq;
  const std::vector<int64_t> &tokens = validation.tokens;
  std::vector<int64_t> inputs(size_t(program.batch() * seq), 0),
      targets(inputs.size(), 0);
  for (size_t row = 0; row < batch.windows.size(); ++row) {
    const Action &window = *batch.windows[row];
    auto from = tokens.begin() + window.begin;
    auto at = int64_t(row) * seq;
    std::copy_n(from, window.end - window.begin, inputs.begin() + at);
    std::copy_n(from + 1, window.end - window.begin, targets.begin() + at);
  }
  executor.writePort(*findPort(program.inputs(), "tokens"), inputs.data());
  executor.writePort(*findPort(program.inputs(), "targets"), targets.data());
  executor.run(program, evaluateScalars(plan, 0, 1));
  std::vector<double> all =
      readValues(executor, *findPort(program.outputs(), "nll"));
  std::vector<double> own;
  for (size_t row = 0; row < batch.windows.size(); ++row) {
    const Action &window = *batch.windows[row];
    for (int64_t position = window.first; position < window.end; ++position)
      own.push_back(all[size_t(int64_t(row) * scored + position - window.begin -
                               (seq - scored))]);
  }
  return own;
}

void Evaluator::addScores(const Batch &batch, const double *&nll) {
  const std::vector<int64_t> &tokens = validation.tokens;
  for (const Action *window : batch.windows)
    for (int64_t position = window->first; position < window->end; ++position) {
      score.nll += *nll++;
      score.bytes += validation.bytes->bytes(tokens[size_t(position)],
                                             tokens[size_t(position + 1)]);
      ++score.tokens;
    }
  if (!std::isfinite(score.nll))
    failInput("the score is not finite: the weights are damaged, or training "
              "diverged");
}

static int64_t positionsOf(const std::vector<const Action *> &windows) {
  int64_t count = 0;
  for (const Action *window : windows)
    count += window->end - window->first;
  return count;
}

// Each rank computes a piece of the list; all add everything up, in order.
void Evaluator::scoreBatches(const plan::Evaluation &evaluation,
                             const std::vector<Batch> &batches,
                             int64_t positions) {
  const auto count = int64_t(batches.size()), size = int64_t(ranks.size());
  auto firstOf = [&](int64_t rank) { return size_t(count * rank / size); };
  std::vector<double> own;
  bool stop = false;
  int64_t done = score.tokens;
  for (size_t i = firstOf(ranks.rank()); i < firstOf(ranks.rank() + 1) && !stop;
       ++i) {
    ranks.check();
    if (interrupted()) {
      ranks.askToStop();
      stop = true;
      break;
    }
    std::vector<double> nll = scoreBatch(evaluation, batches[i]);
    own.insert(own.end(), nll.begin(), nll.end());
    // As far as all ranks are likely to be.
    done += positionsOf(batches[i].windows) * size;
    if (progress)
      progress(std::min(done, positions), positions);
  }
  stopTogether(stop);
  std::string bytes(reinterpret_cast<const char *>(own.data()),
                    own.size() * sizeof(double));
  std::vector<std::string> all = ranks.allGatherTexts(bytes);
  for (int64_t rank = 0; rank < size; ++rank) {
    std::vector<double> values(all[size_t(rank)].size() / sizeof(double));
    if (!values.empty()) // there may be fewer batches than ranks
      std::memcpy(values.data(), all[size_t(rank)].data(),
                  all[size_t(rank)].size());
    const double *next = values.data();
    for (size_t i = firstOf(rank); i < firstOf(rank + 1); ++i)
      addScores(batches[i], next);
  }
}

// Throws Stopped on all ranks if one was interrupted.
void Evaluator::stopTogether(bool stop) {
  if (ranks.any(stop))
    throw Stopped();
}

// The windows up to the next update.
std::vector<Evaluator::Batch>
Evaluator::batchesFrom(const plan::Evaluation &evaluation,
                       const std::vector<Action> &actions, size_t &next) const {
  const int64_t context =
      evaluation.has_tail() ? evaluation.seq() - evaluation.stride() : 0;
  auto inTail = [&](const Action &window) {
    return evaluation.has_tail() && window.first - window.begin >= context;
  };
  std::vector<Batch> batches;
  while (next < actions.size() && actions[next].kind == Action::Score) {
    Batch batch;
    batch.tail = inTail(actions[next]);
    int64_t most =
        plan.programs(int(batch.tail ? evaluation.tail() : evaluation.score()))
            .batch();
    while (next < actions.size() && int64_t(batch.windows.size()) < most &&
           actions[next].kind == Action::Score &&
           inTail(actions[next]) == batch.tail)
      batch.windows.push_back(&actions[next++]);
    batches.push_back(std::move(batch));
  }
  return batches;
}

void Evaluator::adapt(const plan::Evaluation &evaluation,
                      const Action &action) {
  const plan::Program &program = plan.programs(int(evaluation.adapt()));
  ScalarInputs inputs;
  inputs.step = updates++;
  inputs.progress = action.progress;
  inputs.sequences = (action.end - action.begin) / evaluation.seq();
  std::vector<double> scalars = evaluateScalars(plan, inputs);
  gradient->compute(inputs.sequences, [&](int64_t sequence) {
    const int64_t *tokens =
        validation.tokens.data() + action.begin + sequence * evaluation.seq();
    executor.writePort(*findPort(program.inputs(), "tokens"), tokens);
    executor.writePort(*findPort(program.inputs(), "targets"), tokens + 1);
    executor.run(program, scalars);
  });
  gradient->share();
  executor.run(plan.programs(int(evaluation.adapt_update())), scalars);
  prepare();
}

Score Evaluator::run(int index) {
  const plan::Evaluation &evaluation = plan.evaluations(index);
  return run(index, evaluationActions(evaluation,
                                      validation.positions(evaluation.seq())));
}

Score Evaluator::run(int index, const std::vector<Action> &actions) {
  const plan::Evaluation &evaluation = plan.evaluations(index);
  const int64_t positions = validation.positions(evaluation.seq());
  std::string violation = verifyEvaluation(actions, positions);
  if (!violation.empty())
    failInput("the evaluation '", evaluation.kind(),
              "' breaks the rules: ", violation);
  for (const Action &action : actions)
    if (action.end - action.begin > evaluation.seq() &&
        action.kind == Action::Score)
      failInput("the evaluation '", evaluation.kind(), "' has a window of ",
                action.end - action.begin, " tokens, its program reads ",
                evaluation.seq());
  double begin = Profile::now();
  score = {};
  updates = 0;
  startStates(index);
  std::unique_ptr<ParameterGuard> guard;
  gradient.reset();
  for (size_t i = 0; i < actions.size();) {
    if (actions[i].kind == Action::Score) {
      scoreBatches(evaluation, batchesFrom(evaluation, actions, i), positions);
      continue;
    }
    stopTogether(interrupted());
    if (!guard) {
      guard = std::make_unique<ParameterGuard>(executor);
      gradient = SharedSum::ofGradients(executor, ranks);
    }
    adapt(evaluation, actions[i++]);
  }
  gradient.reset();
  score.seconds = Profile::now() - begin;
  return score;
}

} // namespace pgrt
