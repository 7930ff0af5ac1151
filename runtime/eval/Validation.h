// What an evaluation needs besides weights: a program, tokens, and their bytes.
#pragma once

#include "runtime/data/ByteTable.h"
#include "runtime/data/Shard.h"
#include "runtime/plan/plan.pb.h"

#include <memory>
#include <string>
#include <vector>

namespace pgrt {

/// The validation tokens in the order of the shards: at most `limit` of them
/// (0: all), trimmed to a multiple of `seq`, plus one. Throws Error if there
/// are fewer than one sequence and one.
std::vector<int64_t> validationTokens(const std::vector<Shard> &shards,
                                      int64_t seq, int64_t limit,
                                      int64_t vocab);

struct Validation {
  const plan::Program *program = nullptr; // of role "score"
  std::vector<int64_t> tokens;
  std::unique_ptr<ByteTable> bytes;
};

struct ValidationSource {
  std::string data; // a folder, or one shard
  std::string
      tokenizer; // empty: tokenizer.model, or the only *.model, beside the data
  int64_t limit = 0;   // tokens; 0: all
  bool trains = false; // one shard given as `data` is for training then
};

/// Opens what chunked scores need. If something is not there, `missing` says
/// what, and nothing is returned; what is there and wrong is an Error.
std::unique_ptr<Validation> openValidation(const plan::Plan &plan,
                                           const ValidationSource &source,
                                           std::string &missing);

} // namespace pgrt
