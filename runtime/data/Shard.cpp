#include "runtime/data/Shard.h"
#include "runtime/support/Error.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace pgrt {

static constexpr int64_t headerBytes = 256 * 4;
static constexpr int32_t magic = 20240520;

Shard::Shard(const std::string &path) : file(path) {
  std::string_view bytes = file.bytes();
  if (int64_t(bytes.size()) < headerBytes)
    failInput("'", path, "' is not a shard of tokens: it has ", bytes.size(), " bytes, a header alone has ", headerBytes);
  int32_t header[3];
  std::memcpy(header, bytes.data(), sizeof header);
  if (header[0] != magic)
    failInput("'", path, "' is not a shard of tokens: it starts with ", header[0], ", not ", magic);
  if (header[1] != 1)
    failInput("'", path, "' has version ", header[1], " of the shard format, only version 1 is known");
  count = header[2];
  int64_t present = int64_t(bytes.size()) - headerBytes;
  if (count < 0 || present != 2 * count)
    failInput("'", path, "' is damaged: its header says ", count, " tokens, ", present, " bytes follow (two a token)");
}

void Shard::read(int64_t begin, int64_t size, int64_t vocab, int64_t *out) const {
  const char *from = file.bytes().data() + headerBytes + 2 * begin;
  for (int64_t i = 0; i < size; ++i) {
    uint16_t token;
    std::memcpy(&token, from + 2 * i, 2);
    if (token >= vocab)
      failInput("'", path(), "': token ", begin + i, " is ", token, ", the model's vocabulary has ", vocab,
                ": the data were made for another vocabulary");
    out[i] = token;
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
      hash.update(body.substr((body.size() - pieceBytes) * i / (pieces - 1), pieceBytes));
  }
  return hash.finish();
}

std::vector<Shard> openShards(const std::string &path, const std::string &split) {
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
    throw Error(ExitCode::Input, cat("cannot read the folder '", path, "': ", error.message()));
  if (!own.empty() && !challenge.empty())
    failInput("the folder '", path, "' holds ", split, "_*.bin and fineweb_", split, "_*.bin: keep one of them");
  std::vector<std::string> &names = own.empty() ? challenge : own;
  std::sort(names.begin(), names.end());
  for (const std::string &name : names)
    shards.emplace_back(name);
  return shards;
}

// By read, not through the mapping: pages that are only looked at once should not count as this process's memory.
void checkTokens(const std::vector<Shard> &shards, int64_t vocab, int64_t limitBytes) {
  int64_t total = 0;
  for (const Shard &shard : shards)
    total += 2 * shard.tokens();
  if (total > limitBytes || vocab > 65535)
    return;
  std::vector<uint16_t> buffer(1 << 17);
  for (const Shard &shard : shards) {
    int file = open(shard.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0)
      failSystem("cannot open", shard.path());
    for (int64_t begin = 0; begin < shard.tokens();) {
      int64_t wanted = std::min<int64_t>(int64_t(buffer.size()), shard.tokens() - begin);
      ssize_t got = pread(file, buffer.data(), size_t(2 * wanted), headerBytes + 2 * begin);
      if (got <= 1)
        break; // shrunk under us: reading through the mapping will tell
      int64_t size = got / 2;
      uint16_t largest = 0;
      for (int64_t i = 0; i < size; ++i)
        largest = std::max(largest, buffer[size_t(i)]);
      if (largest >= vocab) {
        close(file);
        std::vector<int64_t> widened(static_cast<size_t>(size));
        shard.read(begin, size, vocab, widened.data()); // throws, with the place
      }
      begin += size;
    }
    close(file);
  }
}

} // namespace pgrt
