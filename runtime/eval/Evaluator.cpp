#include "runtime/eval/Evaluator.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"

#include <algorithm>
#include <cmath>

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

void Evaluator::scoreBatch(const plan::Evaluation &evaluation,
                           const std::vector<const Action *> &windows,
                           bool tail) {
  const plan::Program &program =
      plan.programs(int(tail ? evaluation.tail() : evaluation.score()));
  const int64_t seq = program.seq(),
                scored = program.scored() ? program.scored() : seq;
  const std::vector<int64_t> &tokens = validation.tokens;
  std::vector<int64_t> inputs(size_t(program.batch() * seq), 0),
      targets(inputs.size(), 0);
  for (size_t row = 0; row < windows.size(); ++row) {
    const Action &window = *windows[row];
    auto from = tokens.begin() + window.begin;
    auto at = int64_t(row) * seq;
    std::copy_n(from, window.end - window.begin, inputs.begin() + at);
    std::copy_n(from + 1, window.end - window.begin, targets.begin() + at);
  }
  executor.writePort(*findPort(program.inputs(), "tokens"), inputs.data());
  executor.writePort(*findPort(program.inputs(), "targets"), targets.data());
  executor.run(program, evaluateScalars(plan, 0, 1));
  std::vector<double> nll =
      readValues(executor, *findPort(program.outputs(), "nll"));
  for (size_t row = 0; row < windows.size(); ++row) {
    const Action &window = *windows[row];
    for (int64_t position = window.first; position < window.end; ++position) {
      int64_t within = position - window.begin - (seq - scored);
      score.nll += nll[size_t(int64_t(row) * scored + within)];
      score.bytes += validation.bytes->bytes(tokens[size_t(position)],
                                             tokens[size_t(position + 1)]);
      ++score.tokens;
    }
  }
  if (!std::isfinite(score.nll))
    failInput("the score is not finite: the weights are damaged, or training "
              "diverged");
}

void Evaluator::adapt(const plan::Evaluation &evaluation,
                      const Action &action) {
  const plan::Program &program = plan.programs(int(evaluation.adapt()));
  ScalarInputs inputs;
  inputs.step = updates++;
  inputs.progress = action.progress;
  inputs.sequences = (action.end - action.begin) / evaluation.seq();
  std::vector<double> scalars = evaluateScalars(plan, inputs);
  int gradients = gradientArena(plan);
  executor.bind(gradients, 0);
  executor.clearArena(gradients);
  for (int64_t at = action.begin; at < action.end; at += evaluation.seq()) {
    throwIfInterrupted();
    const int64_t *tokens = validation.tokens.data() + at;
    executor.writePort(*findPort(program.inputs(), "tokens"), tokens);
    executor.writePort(*findPort(program.inputs(), "targets"), tokens + 1);
    executor.run(program, scalars);
  }
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
  const int64_t context =
      evaluation.has_tail() ? evaluation.seq() - evaluation.stride() : 0;
  auto inTail = [&](const Action &window) {
    return evaluation.has_tail() && window.first - window.begin >= context;
  };
  for (size_t i = 0; i < actions.size();) {
    throwIfInterrupted();
    if (actions[i].kind == Action::Adapt) {
      if (!guard)
        guard = std::make_unique<ParameterGuard>(executor);
      adapt(evaluation, actions[i++]);
      continue;
    }
    bool tail = inTail(actions[i]);
    int64_t batch =
        plan.programs(int(tail ? evaluation.tail() : evaluation.score()))
            .batch();
    std::vector<const Action *> windows;
    while (i < actions.size() && int64_t(windows.size()) < batch &&
           actions[i].kind == Action::Score && inTail(actions[i]) == tail)
      windows.push_back(&actions[i++]);
    scoreBatch(evaluation, windows, tail);
    if (progress)
      progress(score.tokens, positions);
  }
  score.seconds = Profile::now() - begin;
  return score;
}

} // namespace pgrt
