//===- Build.h - from texts to a folder of shards ------------------------===//
#pragma once

#include "tools/pgdata/Documents.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pgdata {

/// What `pgdata build` is asked for.
struct BuildOptions {
  std::vector<std::string> texts; ///< Source files.
  std::string out;       ///< Folder to write; made where it is not there.
  int vocab = 0;         ///< Pieces of a new tokenizer; 0 where one is given.
  std::string tokenizer; ///< A SentencePiece model to take instead.
  DocumentRule documents = DocumentRule::Paragraphs;
  uint64_t minimumDocumentBytes = 2'000;
  uint64_t validationBytes = 1'100'000;
  uint64_t shardTokens = 100'000'000;
  uint64_t sampleBytes =
      20'000'000; ///< Of text that the tokenizer is trained on.
  bool quiet = false;
};

/// Writes tokenizer.model, train_*.bin, val_*.bin, val.txt (the validation
/// text) and, last, manifest.json. Throws pgrt::Error; nothing half-written
/// keeps its final name.
void build(const BuildOptions &options);

/// The text of `count` tokens of the validation shards of `folder` from token
/// `first` on; a first token's ▁ counts as the space that it stands for unless
/// a BOS precedes it.
std::string decodeValidation(const std::string &folder, uint64_t first,
                             uint64_t count);

} // namespace pgdata
