//===- Shards.h - the challenge's shard format, written ------------------===//
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pgdata {

/// What the manifest says of one shard.
struct ShardInfo {
  std::string file;   ///< Its name within the folder.
  std::string sha256; ///< Of the whole file, in hexadecimal.
  uint64_t tokens;
};

/// Writes `<prefix>_000000.bin`, … of at most `tokensPerShard` tokens each into
/// `folder`: 256 little-endian int32 (20240520, 1, count, 0 …), then `count`
/// uint16 tokens. Each file is written aside, synced and renamed.
class ShardWriter {
public:
  ShardWriter(std::string folder, std::string prefix, uint64_t tokensPerShard);

  void append(const std::vector<uint16_t> &tokens);

  /// Writes what is left and returns the list of shards.
  std::vector<ShardInfo> finish();

private:
  void flush();
  std::string folder, prefix;
  uint64_t tokensPerShard;
  std::vector<uint16_t> pending;
  std::vector<ShardInfo> shards;
};

} // namespace pgdata
