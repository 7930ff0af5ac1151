// The order in which training meets the data: windows of seq + 1 tokens.
#pragma once

#include "runtime/data/Shard.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pgrt {

/// Windows of all shards in one of three orders.
///  shuffled    shards ordered by content hash, each cut into windows from a
///  random phase; one permutation of all windows,
///              another one for each epoch. All random numbers come from the
///              seed and the content hashes
///  coprime     the same windows, taken with a stride that is coprime to their
///  number, from a random start sequential  the shards in the order given, as
///  one stream, from its beginning; again from there when it ends
/// With `shuffled` and `coprime`, part p of a step takes every parts-th window
/// from p; with `sequential`, parts are consecutive pieces.
class WindowOrder {
public:
  /// Throws Error if there is not one window.
  WindowOrder(std::vector<Shard> shards, const std::string &order, int64_t seq,
              int64_t vocab, uint64_t seed);

  /// Windows in an epoch.
  int64_t windows() const { return total; }

  /// Reads window k of part p of a step of `windowsPerStep` windows in `parts`
  /// parts: seq tokens, and for each the next one.
  void read(int64_t step, int64_t part, int64_t k, int64_t windowsPerStep,
            int64_t parts, int64_t *tokens, int64_t *targets);

  /// SHA-256 over the shards' content hashes in their order: the same data give
  /// the same one.
  Digest dataHash() const { return hash; }
  int64_t tokens() const;

private:
  int64_t
  windowAt(int64_t position); // position in the order → index among all windows
  const std::vector<uint32_t> &permutation(int64_t epoch);
  void readStream(int64_t begin, int64_t size, int64_t *out) const;

  std::vector<Shard> shards;
  std::string order;
  int64_t seq, vocab;
  uint64_t seed;
  int64_t total = 0;
  std::vector<int64_t> firstWindow; // of each shard; one more at the end
  std::vector<int64_t> phase;       // of each shard
  std::vector<int64_t>
      firstToken; // of each shard in the stream; one more at the end
  std::vector<int64_t> scratch;
  Digest hash{};
  struct Epoch {
    int64_t number = -1;
    std::vector<uint32_t> order;
  } epochs[2]; // a step may lie in two epochs
};

} // namespace pgrt
