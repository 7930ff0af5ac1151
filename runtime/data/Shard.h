// Shards of tokens: 256 little-endian int32 (20240520, 1, count, 0 …), then
// `count` uint16.
#pragma once

#include "runtime/support/MappedFile.h"
#include "runtime/support/Sha256.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pgrt {

class Shard {
public:
  /// Maps the file and checks its header and size; throws Error.
  explicit Shard(const std::string &path);

  const std::string &path() const { return file.path(); }
  int64_t tokens() const { return count; }

  /// Copies tokens [begin, begin + size), widened. Throws Error with the place
  /// of a token that is not below `vocab`.
  void read(int64_t begin, int64_t size, int64_t vocab, int64_t *out) const;

  /// Looks through all tokens and refuses those that are not below `vocab`, as
  /// read does.
  void check(int64_t vocab) const;

  /// A hash of the content that names do not enter: of the number of tokens and
  /// of 16 evenly spaced pieces of 64 KiB (of all tokens, where these would
  /// cover them). Reads no more than that, so that starting on 20 GB takes no
  /// time.
  Digest contentHash() const;

private:
  MappedFile file;
  int64_t count = 0;
};

/// The shards of one split. `path` is one shard, or a folder with <split>_*.bin
/// or fineweb_<split>_*.bin ("train", "val"), in the order of their names; both
/// layouts in one folder are an error. None: empty.
std::vector<Shard> openShards(const std::string &path,
                              const std::string &split);

/// Checks all tokens of all shards, unless they are more than `limitBytes`
/// together (then foreign ones are refused when they are read).
void checkTokens(const std::vector<Shard> &shards, int64_t vocab,
                 int64_t limitBytes);

} // namespace pgrt
