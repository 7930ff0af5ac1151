#include "runtime/eval/Actions.h"
#include "runtime/support/Error.h"

#include <gtest/gtest.h>

namespace pgrt {

namespace {
plan::Evaluation evaluation(const char *kind, int64_t seq, int64_t stride) {
  plan::Evaluation one;
  one.set_kind(kind);
  one.set_seq(seq);
  one.set_stride(stride);
  return one;
}

plan::Evaluation learning(int64_t seq, int64_t stride, int64_t chunk) {
  plan::Evaluation one = evaluation("ttt", seq, stride);
  one.set_chunk(chunk);
  one.set_epochs(2);
  one.set_sequences(3);
  return one;
}

std::string describe(const std::vector<Action> &actions) {
  std::string text;
  for (const Action &action : actions)
    text += action.kind == Action::Adapt
                ? cat("a", action.begin, "-", action.end, " ")
                : cat(action.begin, "-", action.end, ":", action.first, " ");
  return text;
}
} // namespace

TEST(Actions, Chunked) {
  EXPECT_EQ(describe(evaluationActions(evaluation("chunked", 4, 0), 12)),
            "0-4:0 4-8:4 8-12:8 ");
}

TEST(Actions, SlidingScoresTheLastOfEachWindow) {
  // Starts 0, 2, 4, … while start + 4 < 13; the last window is short.
  EXPECT_EQ(describe(evaluationActions(evaluation("sliding", 6, 2), 13)),
            "0-6:0 2-8:6 4-10:8 6-12:10 8-13:12 ");
  EXPECT_EQ(describe(evaluationActions(evaluation("sliding", 6, 6), 12)),
            "0-6:0 6-12:6 ");
}

TEST(Actions, LearningFollowsItsChunk) {
  // Windows belong to the chunk of their first scored position; nothing is
  // learnt after the last chunk; an update takes at most three sequences.
  EXPECT_EQ(describe(evaluationActions(learning(2, 1, 8), 12)),
            "0-2:0 1-3:2 2-4:3 3-5:4 4-6:5 5-7:6 6-8:7 "
            "a0-6 a6-8 a0-6 a6-8 "
            "7-9:8 8-10:9 9-11:10 10-12:11 ");
  std::vector<Action> three = evaluationActions(learning(2, 1, 4), 12);
  double progress = -1;
  for (const Action &action : three)
    if (action.kind == Action::Adapt)
      progress = action.progress;
  EXPECT_EQ(progress, 0.5); // of chunks 0, 1, 2 the second is the last to learn
}

TEST(Actions, KnowsItsKinds) {
  EXPECT_THROW(evaluationActions(evaluation("documents", 4, 2), 12), Error);
}

TEST(Actions, TheirRulesHold) {
  for (int64_t seq : {1, 2, 5, 8})
    for (int64_t stride = 1; stride <= seq; ++stride)
      for (int64_t sequences : {1, 2, 3, 7, 20})
        for (int64_t chunk : {1, 3, 8, 24, 100}) {
          int64_t positions = seq * sequences;
          EXPECT_EQ(verifyEvaluation(
                        evaluationActions(evaluation("sliding", seq, stride),
                                          positions),
                        positions),
                    "");
          EXPECT_EQ(
              verifyEvaluation(
                  evaluationActions(learning(seq, stride, chunk), positions),
                  positions),
              "")
              << seq << " " << stride << " " << chunk << " " << positions;
        }
}

namespace {
/// What verifyEvaluation says of sliding windows that `change` was done to.
template <typename Change> std::string planted(Change change) {
  std::vector<Action> actions = evaluationActions(learning(6, 2, 12), 24);
  change(actions);
  return verifyEvaluation(actions, 24);
}

size_t firstUpdate(const std::vector<Action> &actions) {
  size_t i = 0;
  while (actions[i].kind != Action::Adapt)
    ++i;
  return i;
}

#define EXPECT_SAYS(text, part)                                                \
  EXPECT_NE((text).find(part), std::string::npos) << (text)
} // namespace

TEST(Actions, NothingIsWrongUnlessPlanted) {
  EXPECT_EQ(planted([](auto &) {}), "");
}

TEST(Actions, RefusesAnUpdateBeforeItsScore) {
  EXPECT_SAYS(planted([](auto &actions) {
                size_t update = firstUpdate(actions);
                std::swap(actions[update], actions[update - 1]);
              }),
              "before it is scored");
  EXPECT_SAYS(planted([](auto &actions) {
                Action update = actions[firstUpdate(actions)];
                update.begin = 18, update.end = 24;
                actions.insert(actions.begin() + 2, update);
              }),
              "learns from position 23");
}

TEST(Actions, RefusesAPositionScoredTwice) {
  EXPECT_SAYS(planted([](auto &actions) {
                actions.insert(actions.begin() + 1, actions[1]);
              }),
              "position 6 is scored twice");
  EXPECT_SAYS(planted([](auto &actions) { --actions[1].first; }),
              "position 5 is scored twice");
}

TEST(Actions, RefusesAPositionLeftOut) {
  EXPECT_SAYS(
      planted([](auto &actions) { actions.erase(actions.begin() + 1); }),
      "position 6 is not scored");
  EXPECT_SAYS(planted([](auto &actions) { actions.pop_back(); }),
              "position 22 is never scored");
  EXPECT_SAYS(verifyEvaluation({}, 24), "position 0 is never scored");
}

TEST(Actions, RefusesWindowsOutOfOrder) {
  EXPECT_SAYS(planted([](auto &actions) { std::swap(actions[1], actions[2]); }),
              "position 6 is not scored when it is its turn");
}

TEST(Actions, RefusesAWindowBeyondTheTokens) {
  EXPECT_SAYS(planted([](auto &actions) { actions.back().end = 25; }),
              "not tokens of the validation set");
  EXPECT_SAYS(planted([](auto &actions) { actions[0].first = -1; }),
              "reads beyond what it scores");
}

} // namespace pgrt
