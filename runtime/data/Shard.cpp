#include "runtime/data/Shard.h"
#include "runtime/support/Error.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace pgrt {

static constexpr int64_t headerBytes = 256 * 4;
static constexpr int32_t magic = 20240520;

Shard::Shard(const std::string &path) : file(path) {
  std::string_view bytes = file.bytes();
  if (int64_t(bytes.size()) < headerBytes)
    failInput("'", path, "' is not a shard of tokens: it has ", bytes.size(),
              " bytes, a header alone has ", headerBytes);
  int32_t header[3];
  std::memcpy(header, bytes.data(), sizeof header);
  if (header[0] != magic)
    failInput("'", path, "' is not a shard of tokens: it starts with ",
              header[0], ", not ", magic);
  if (header[1] != 1)
    failInput("'", path, "' has version ", header[1],
              " of the shard format, only version 1 is known");
  count = header[2];
  int64_t present = int64_t(bytes.size()) - headerBytes;
  if (count < 0 || present != 2 * count)
    failInput("'", path, "' is damaged: its header says ", count, " tokens, ",
              present, " bytes follow (two a token)");
}

void Shard::read(int64_t begin, int64_t size, int64_t vocab,
                 int64_t *out) const {
  const char *from = file.bytes().data() + headerBytes + 2 * begin;
  for (int64_t i = 0; i < size; ++i) {
    uint16_t token;
    std::memcpy(&token, from + 2 * i, 2);
    if (token >= vocab)
      failInput("'", path(), "': token ", begin + i, " is ", token,
                ", the model's vocabulary has ", vocab,
                ": the data were made for another vocabulary");
    out[i] = token;
  }
}

void Shard::check(int64_t vocab) const {
  const uint16_t *tokens = reinterpret_cast<const uint16_t *>(
      file.bytes().data() + headerBytes); // pages are aligned
  constexpr int64_t piece = 1 << 20;
  for (int64_t begin = 0; begin < count; begin += piece) {
    int64_t size = std::min(piece, count - begin);
    uint16_t largest = *std::max_element(tokens + begin, tokens + begin + size);
    if (largest >= vocab) {
      std::vector<int64_t> widened(static_cast<size_t>(size));
      read(begin, size, vocab, widened.data()); // throws, with the place
    }
    file.forget();
  }
}

Digest Shard::contentHash() const {
  Sha256 hash;
  hash.update(&count, sizeof count);
  std::string_view body = file.bytes().substr(headerBytes);
  constexpr size_t pieces = 16, pieceBytes = 65536;
  if (body.size() <= pieces * pieceBytes) {
    hash.update(body);
  } else {
    for (size_t i = 0; i < pieces; ++i)
      hash.update(body.substr((body.size() - pieceBytes) * i / (pieces - 1),
                              pieceBytes));
  }
  file.forget();
  return hash.finish();
}

std::vector<Shard> openShards(const std::string &path,
                              const std::string &split) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<Shard> shards;
  if (!fs::is_directory(path, error)) {
    if (split == "train" || fs::exists(path, error))
      shards.emplace_back(path);
    return shards;
  }
  std::vector<std::string> own, challenge;
  for (const fs::directory_entry &entry : fs::directory_iterator(path, error)) {
    std::string name = entry.path().filename().string();
    if (!name.ends_with(".bin"))
      continue;
    if (name.starts_with(split + "_"))
      own.push_back(entry.path().string());
    else if (name.starts_with("fineweb_" + split + "_"))
      challenge.push_back(entry.path().string());
  }
  if (error)
    throw Error(ExitCode::Input,
                cat("cannot read the folder '", path, "': ", error.message()));
  if (!own.empty() && !challenge.empty())
    failInput("the folder '", path, "' holds ", split, "_*.bin and fineweb_",
              split, "_*.bin: keep one of them");
  std::vector<std::string> &names = own.empty() ? challenge : own;
  std::sort(names.begin(), names.end());
  for (const std::string &name : names)
    shards.emplace_back(name);
  return shards;
}

void checkTokens(const std::vector<Shard> &shards, int64_t vocab,
                 int64_t limitBytes) {
  int64_t total = 0;
  for (const Shard &shard : shards)
    total += 2 * shard.tokens();
  for (const Shard &shard : shards)
    if (total <= limitBytes)
      shard.check(vocab);
}

} // namespace pgrt
