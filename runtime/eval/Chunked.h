// Chunked evaluation: non-overlapping windows, every token of the validation
// set scored once.
#pragma once

#include "runtime/data/ByteTable.h"
#include "runtime/executor/Executor.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace pgrt {

struct Score {
  double nll = 0; // nats, summed
  int64_t tokens = 0;
  int64_t bytes = 0;
  double seconds = 0;

  double bitsPerByte() const; // Σ nll / ln 2 / Σ bytes
};

/// Runs `program` (role "score") over the tokens' windows of its length. A last
/// batch that is not full, and a last window that is short, are padded; the
/// padding is not counted. `prepare` must have run. `progress(done, all)` is
/// called after each batch; if it returns false, evaluation stops and the score
/// covers what was done. Sums are float64, in the order of the tokens.
Score scoreChunked(Executor &executor, const plan::Program &program,
                   const std::vector<int64_t> &tokens, const ByteTable &table,
                   const std::vector<double> &scalars,
                   const std::function<bool(int64_t, int64_t)> &progress);

} // namespace pgrt
