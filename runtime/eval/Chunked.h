// Chunked evaluation: non-overlapping windows, every token of the validation set scored once.
#pragma once

#include "runtime/data/ByteTable.h"
#include "runtime/data/Shard.h"
#include "runtime/executor/Executor.h"

#include <functional>

namespace pgrt {

struct Score {
  double nll = 0; // nats, summed
  int64_t tokens = 0;
  int64_t bytes = 0;
  double seconds = 0;

  double bitsPerByte() const; // Σ nll / ln 2 / Σ bytes
};

/// The validation tokens of a folder, in the order of the shards' names: at most `limit` of them (0: all), trimmed to a
/// multiple of `seq`, plus one. Throws Error if there are fewer than one sequence and one.
std::vector<int64_t> validationTokens(const std::vector<Shard> &shards, int64_t seq, int64_t limit, int64_t vocab);

/// Runs `program` (role "score") over the tokens' windows of its length. A last batch that is not full, and a last window
/// that is short, are padded; the padding is not counted. `prepare` must have run. `progress(done, all)` is called after
/// each batch; if it returns false, evaluation stops and the score covers what was done. Sums are float64, in the order of
/// the tokens.
Score scoreChunked(Executor &executor, const plan::Program &program, const std::vector<int64_t> &tokens,
                   const ByteTable &table, const std::vector<double> &scalars,
                   const std::function<bool(int64_t, int64_t)> &progress);

} // namespace pgrt
