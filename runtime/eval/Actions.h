// An evaluation, written out: what is scored and what is learnt from, in order.
// Between a plan's numbers and the executor stands this list, so that the rules
// can be checked on what will be done rather than on how it came about.
#pragma once

#include "runtime/plan/plan.pb.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pgrt {

/// Position p is the prediction of token p + 1 from tokens up to p; there are
/// N of them for N + 1 tokens.
struct Action {
  enum Kind { Score, Adapt };
  Kind kind = Score;

  /// Score: the window reads tokens [begin, end) and scores positions
  /// [first, end).
  /// Adapt: one update from positions [begin, end): it reads tokens begin …
  /// end, the last of them as a target.
  int64_t begin = 0, end = 0;
  int64_t first = 0;

  /// Adapt: how far the evaluation is, for its rates.
  double progress = 0;
};

/// The actions of a plan's evaluation over N positions:
///  chunked  windows of `seq`, one after the other;
///  sliding  windows of `seq` from 0, stride, …, while start + seq − stride <
///  N;
///           the first scores all its positions, others their last `stride`;
///  ttt      sliding windows; a window belongs to the chunk of its first scored
///           position (the last chunk, if it lies beyond). After each chunk but
///           the last, `epochs` passes of updates over the chunk's sequences of
///           `seq`, at most `sequences` an update.
/// Throws Error for a kind that is not known.
std::vector<Action> evaluationActions(const plan::Evaluation &evaluation,
                                      int64_t positions);

/// The rules: every position is scored, once, in order; a window ends with its
/// last scored position; an update learns from positions that are scored.
/// Returns an empty text, or the first violation.
std::string verifyEvaluation(const std::vector<Action> &actions,
                             int64_t positions);

} // namespace pgrt
