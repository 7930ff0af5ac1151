// What an evaluation needs besides weights: tokens, and their bytes.
#pragma once

#include "runtime/data/ByteTable.h"
#include "runtime/data/Shard.h"
#include "runtime/plan/plan.pb.h"

#include <memory>
#include <string>
#include <vector>

namespace pgrt {

struct Validation {
  std::vector<int64_t> tokens; ///< of all shards, in their order
  std::unique_ptr<ByteTable> bytes;

  /// How many of the predictions an evaluation with sequences of `seq` scores:
  /// whole sequences. Position p predicts token p + 1. Throws Error if there is
  /// not one sequence and one token more.
  int64_t positions(int64_t seq) const;

  /// SHA-256 of the tokens that `positions` positions read, as little-endian
  /// uint16.
  Digest hash(int64_t positions) const;
};

struct ValidationSource {
  std::string data;      ///< a folder, or one shard
  std::string tokenizer; ///< empty: tokenizer.model, or the only *.model,
                         ///< beside the data
  int64_t limit = 0;     ///< tokens; 0: all
  bool trains = false;   ///< one shard given as `data` is for training then
};

/// Opens the validation set of a vocabulary. If something is not there,
/// `missing` says what, and nothing is returned; what is there and wrong is an
/// Error.
std::unique_ptr<Validation> openValidation(int64_t vocab,
                                           const ValidationSource &source,
                                           std::string &missing);

} // namespace pgrt
