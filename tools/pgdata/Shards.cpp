//===- Shards.cpp - the challenge's shard format, written ----------------===//
#include "tools/pgdata/Shards.h"

#include "runtime/support/AtomicFile.h"
#include "runtime/support/Sha256.h"

#include <cstdio>
#include <cstring>

namespace pgdata {

ShardWriter::ShardWriter(std::string folder, std::string prefix,
                         uint64_t tokensPerShard)
    : folder(std::move(folder)), prefix(std::move(prefix)),
      tokensPerShard(tokensPerShard) {}

void ShardWriter::append(const std::vector<uint16_t> &tokens) {
  for (uint16_t token : tokens) {
    pending.push_back(token);
    if (pending.size() == tokensPerShard)
      flush();
  }
}

std::vector<ShardInfo> ShardWriter::finish() {
  if (!pending.empty())
    flush();
  return std::move(shards);
}

void ShardWriter::flush() {
  constexpr int32_t magic = 20240520, version = 1;
  constexpr size_t headerBytes = 256 * sizeof(int32_t);
  std::string bytes(headerBytes + pending.size() * sizeof(uint16_t), '\0');
  int32_t header[3] = {magic, version, static_cast<int32_t>(pending.size())};
  std::memcpy(bytes.data(), header, sizeof header);
  std::memcpy(bytes.data() + headerBytes, pending.data(),
              pending.size() * sizeof(uint16_t));

  char name[64];
  std::snprintf(name, sizeof name, "%s_%06zu.bin", prefix.c_str(),
                shards.size());
  pgrt::writeFileAtomically(folder + "/" + name, bytes);
  shards.push_back({name, pgrt::toHex(pgrt::sha256(bytes)), pending.size()});
  pending.clear();
}

} // namespace pgdata
