// How a step's batch is cut into runs of a training program.
#pragma once

#include "compiler/frontend/Frontend.h"

namespace pgc {

/// Sequences of one micro-batch: a divisor of a part's sequences. The largest
/// that keeps a micro-batch within a number of tokens at which products run at
/// full speed and activations stay small; the whole part if its loss cannot be
/// split. `wanted`, if not 0, is taken instead; 0 comes back if it does not
/// divide the part or the part cannot be split.
int64_t chooseMicroBatch(const Program &program, int64_t wanted);

/// The shapes that evaluations score: for each length of a window, as many
/// windows as make up a micro-batch. (batch, seq), without repetition; a model
/// that evaluates nothing is scored at its training length.
std::vector<std::pair<int64_t, int64_t>> scoreShapes(const Program &program);

} // namespace pgc
