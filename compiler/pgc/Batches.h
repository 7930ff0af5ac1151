// How many sequences one run of a program takes.
#pragma once

#include "compiler/frontend/Frontend.h"

namespace pgc {

/// Sequences of one micro-batch: a divisor of a part's sequences. The largest
/// that keeps a micro-batch within a number of tokens at which products run at
/// full speed and activations stay small; the whole part if its loss cannot be
/// split. `wanted`, if not 0, is taken instead; 0 comes back if it does not
/// divide the part or the part cannot be split.
int64_t chooseMicroBatch(const Program &program, int64_t wanted);

/// Windows of `seq` tokens that one run of a scoring program takes: as many as
/// make up a micro-batch, at least one.
int64_t scoreBatch(int64_t seq);

/// The same of a program that returns logits, of which 64 MiB are enough.
int64_t logitsBatch(int64_t seq, int64_t vocabulary);

} // namespace pgc
