#include "runtime/eval/Actions.h"
#include "runtime/support/Error.h"

#include <algorithm>

namespace pgrt {

namespace {
std::vector<Action> slidingWindows(int64_t positions, int64_t seq,
                                   int64_t stride) {
  std::vector<Action> windows;
  const int64_t context = seq - stride;
  for (int64_t begin = 0; begin + context < positions; begin += stride) {
    Action window;
    window.begin = begin;
    window.end = std::min(begin + seq, positions);
    window.first = begin == 0 ? 0 : begin + context;
    windows.push_back(window);
  }
  return windows;
}

void addUpdates(std::vector<Action> &actions,
                const plan::Evaluation &evaluation, int64_t begin, int64_t end,
                double progress) {
  const int64_t seq = evaluation.seq(), sequences = (end - begin) / seq;
  for (int64_t epoch = 0; epoch < evaluation.epochs(); ++epoch)
    for (int64_t at = 0; at < sequences; at += evaluation.sequences()) {
      Action update;
      update.kind = Action::Adapt;
      update.begin = begin + at * seq;
      update.end =
          begin + std::min(at + evaluation.sequences(), sequences) * seq;
      update.progress = progress;
      actions.push_back(update);
    }
}

std::vector<Action> testTimeTraining(const plan::Evaluation &evaluation,
                                     int64_t positions) {
  const int64_t chunk = evaluation.chunk(),
                chunks = (positions + chunk - 1) / chunk;
  std::vector<std::vector<Action>> windows(static_cast<size_t>(chunks));
  for (const Action &window :
       slidingWindows(positions, evaluation.seq(), evaluation.stride()))
    windows[size_t(std::min(window.first / chunk, chunks - 1))].push_back(
        window);
  std::vector<Action> actions;
  for (int64_t i = 0; i < chunks; ++i) {
    const std::vector<Action> &own = windows[size_t(i)];
    if (own.empty())
      continue;
    actions.insert(actions.end(), own.begin(), own.end());
    if (i + 1 < chunks)
      addUpdates(actions, evaluation, i * chunk,
                 std::min((i + 1) * chunk, positions),
                 double(i) / double(chunks - 1));
  }
  return actions;
}
} // namespace

std::vector<Action> evaluationActions(const plan::Evaluation &evaluation,
                                      int64_t positions) {
  const std::string &kind = evaluation.kind();
  if (kind == "chunked")
    return slidingWindows(positions, evaluation.seq(), evaluation.seq());
  if (kind == "sliding")
    return slidingWindows(positions, evaluation.seq(), evaluation.stride());
  if (kind == "ttt")
    return testTimeTraining(evaluation, positions);
  failInput("this pgrt cannot run evaluations of kind '", kind,
            "': it knows chunked, sliding and ttt");
}

std::string verifyEvaluation(const std::vector<Action> &actions,
                             int64_t positions) {
  int64_t scored = 0; // all positions before this one have their score
  for (const Action &action : actions) {
    if (action.begin < 0 || action.end <= action.begin ||
        action.end > positions)
      return cat("tokens ", action.begin, " to ", action.end,
                 " are not tokens of the validation set");
    if (action.kind == Action::Adapt) {
      if (action.end > scored)
        return cat("an update learns from position ", action.end - 1,
                   " before it is scored (scored so far: ", scored, ")");
      continue;
    }
    if (action.first < action.begin || action.first >= action.end)
      return cat("the window at ", action.begin,
                 " reads beyond what it scores, or scores what it does not "
                 "read");
    if (action.first < scored)
      return cat("position ", action.first, " is scored twice");
    if (action.first > scored)
      return cat("position ", scored,
                 " is not scored when it is its turn: the next window starts "
                 "to score at ",
                 action.first);
    scored = action.end;
  }
  if (scored != positions)
    return cat("position ", scored, " is never scored, nor those after it");
  return "";
}

} // namespace pgrt
