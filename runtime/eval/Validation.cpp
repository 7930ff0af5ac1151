#include "runtime/eval/Validation.h"
#include "runtime/support/Error.h"

#include <algorithm>
#include <filesystem>

namespace pgrt {

namespace fs = std::filesystem;

int64_t Validation::positions(int64_t seq) const {
  int64_t available = int64_t(tokens.size());
  if (available < seq + 1)
    failInput("the validation data have ", withThousands(available),
              " tokens, fewer than one sequence of ", seq, " and one more");
  return (available - 1) / seq * seq;
}

Digest Validation::hash(int64_t positions) const {
  Sha256 hash;
  std::vector<uint8_t> piece;
  constexpr int64_t pieceTokens = 1 << 16;
  for (int64_t at = 0; at <= positions; at += pieceTokens) {
    piece.clear();
    for (int64_t i = at; i <= std::min(positions, at + pieceTokens - 1); ++i) {
      piece.push_back(uint8_t(tokens[size_t(i)] & 0xff));
      piece.push_back(uint8_t(tokens[size_t(i)] >> 8));
    }
    hash.update(piece.data(), piece.size());
  }
  return hash.finish();
}

static std::string findTokenizer(const ValidationSource &source) {
  if (!source.tokenizer.empty())
    return source.tokenizer;
  std::error_code error;
  fs::path folder = fs::is_directory(source.data, error)
                        ? fs::path(source.data)
                        : fs::path(source.data).parent_path();
  if (fs::exists(folder / "tokenizer.model", error))
    return (folder / "tokenizer.model").string();
  std::vector<std::string> models;
  for (const fs::directory_entry &entry :
       fs::directory_iterator(folder.empty() ? "." : folder, error))
    if (entry.path().extension() == ".model")
      models.push_back(entry.path().string());
  return models.size() == 1 ? models.front() : "";
}

static std::vector<int64_t> readTokens(const std::vector<Shard> &shards,
                                       int64_t limit, int64_t vocab) {
  int64_t total = 0;
  for (const Shard &shard : shards)
    total += shard.tokens();
  int64_t wanted = limit > 0 ? std::min(total, limit) : total;
  std::vector<int64_t> tokens(static_cast<size_t>(wanted));
  int64_t done = 0;
  for (const Shard &shard : shards) {
    int64_t take = std::min(shard.tokens(), wanted - done);
    shard.read(0, take, vocab, tokens.data() + done);
    done += take;
  }
  return tokens;
}

std::unique_ptr<Validation> openValidation(int64_t vocab,
                                           const ValidationSource &source,
                                           std::string &missing) {
  auto validation = std::make_unique<Validation>();
  std::error_code error;
  bool folder = fs::is_directory(source.data, error);
  std::vector<Shard> shards;
  if (folder || !source.trains)
    shards = openShards(source.data, "val");
  if (shards.empty()) {
    missing =
        folder
            ? cat("'", source.data, "' has no val_*.bin or fineweb_val_*.bin")
            : cat("'", source.data, "' is one shard, and training uses it");
    return nullptr;
  }
  std::string tokenizer = findTokenizer(source);
  if (tokenizer.empty()) {
    missing = cat("no tokenizer.model beside '", source.data,
                  "': say where it is with --tokenizer");
    return nullptr;
  }
  validation->bytes = std::make_unique<ByteTable>(tokenizer, vocab);
  validation->tokens = readTokens(shards, source.limit, vocab);
  for (size_t i = 0; i < validation->tokens.size(); ++i)
    if (validation->tokens[i] >= validation->bytes->pieces())
      failInput("validation token ", i, " is ", validation->tokens[i],
                ", the tokenizer has ", validation->bytes->pieces(), " pieces");
  return validation;
}

} // namespace pgrt
