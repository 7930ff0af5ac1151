// How many sequences one run of a program takes.
#pragma once

#include "compiler/frontend/Frontend.h"

namespace pgc {

/// Tokens that go through a CPU's training programs at once: activations of
/// that many are kept for the backward pass. Fewer leave products short of
/// rows; more cost memory, and what one kernel leaves to the next no longer
/// fits in the last cache.
inline constexpr int64_t cpuTokens = 2048;
/// Tokens that a CPU's scoring programs take, which keep nothing.
inline constexpr int64_t cpuScoreTokens = 4096;
/// The same for a GPU: more rows keep all its processors busy, and memory is
/// what there is to bound them.
inline constexpr int64_t gpuTokens = 1 << 18;
/// Tokens that a GPU's scoring programs take, which keep nothing.
inline constexpr int64_t gpuScoreTokens = 1 << 16;

/// Sequences of one micro-batch: a divisor of a part's sequences. The largest
/// that keeps a micro-batch within `tokens`; no less than the loss needs, which
/// is the whole part if it cannot be split. `wanted`, if not 0, is taken
/// instead; 0 comes back if it does not divide the part or is less than the
/// loss needs.
int64_t chooseMicroBatch(const Program &program, int64_t wanted,
                         int64_t tokens);

/// The same of the program that collects Hessians, for which no loss matters.
int64_t captureBatch(const Program &program, int64_t tokens);

/// Windows of `seq` tokens that one run of a scoring program takes: `wanted`,
/// or, for 0, as many as make up `tokens`, at least one, and no more than a
/// training step has: a model whose steps are small is not evaluated on so much
/// that a larger run, whose windows are padding where there are none, would
/// pay.
int64_t scoreBatch(const Program &program, int64_t seq, int64_t wanted,
                   int64_t tokens);

/// The same of a program that returns logits, of which 64 MiB are enough.
int64_t logitsBatch(const Program &program, int64_t seq, int64_t wanted,
                    int64_t tokens);

} // namespace pgc
