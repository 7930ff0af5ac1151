#include "runtime/data/WindowOrder.h"
#include "runtime/support/Error.h"
#include "runtime/support/Philox.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace pgrt {

static Digest hashOf(const std::vector<Digest> &digests) {
  Sha256 hash;
  for (const Digest &digest : digests)
    hash.update(digest.data(), digest.size());
  return hash.finish();
}

WindowOrder::WindowOrder(std::vector<Shard> given, const std::string &order,
                         int64_t seq, int64_t vocab, uint64_t seed)
    : order(order), seq(seq), vocab(vocab), seed(seed),
      scratch(size_t(seq) + 1) {
  std::vector<Digest> digests;
  for (const Shard &shard : given)
    digests.push_back(shard.contentHash());
  std::vector<size_t> places(given.size());
  std::iota(places.begin(), places.end(), size_t(0));
  std::sort(places.begin(), places.end(), [&](size_t a, size_t b) {
    return std::tie(digests[a], a) < std::tie(digests[b], b);
  });
  std::vector<Digest> sorted;
  for (size_t place : places)
    sorted.push_back(digests[place]);
  hash = hashOf(sorted);
  if (order == "sequential") {
    shards = std::move(given);
  } else {
    for (size_t place : places)
      shards.push_back(std::move(given[place]));
  }

  firstWindow.push_back(0);
  firstToken.push_back(0);
  int64_t equalBefore = 0; // copies of one shard still get phases of their own
  for (size_t i = 0; i < shards.size(); ++i) {
    int64_t room =
        shards[i].tokens() - 1 - seq; // tokens left beside one window
    int64_t start = 0;
    if (order != "sequential" && room >= 0) {
      equalBefore = i && sorted[i] == sorted[i - 1] ? equalBefore + 1 : 0;
      PhiloxStream stream(seed, "phase " + toHex(sorted[i]));
      start = int64_t(stream.below(uint64_t(equalBefore),
                                   uint64_t(std::min(seq - 1, room)) + 1));
    }
    phase.push_back(start);
    firstWindow.push_back(firstWindow.back() +
                          (room < 0 ? 0 : (room - start) / seq + 1));
    firstToken.push_back(firstToken.back() + shards[i].tokens());
  }
  total = order == "sequential" ? (firstToken.back() - 1) / seq
                                : firstWindow.back();
  if (shards.empty() || firstToken.back() < 1 || total < 1)
    failInput("the training data have ", withThousands(firstToken.back()),
              " tokens, fewer than one sequence of ", seq, " and one more");
  if (total > UINT32_MAX)
    failInput("the training data have more windows than 2^32");
}

int64_t WindowOrder::tokens() const { return firstToken.back(); }

// Fisher–Yates, with the draws of one stream for each epoch.
const std::vector<uint32_t> &WindowOrder::permutation(int64_t epoch) {
  Epoch &cached = epochs[epoch & 1];
  if (cached.number != epoch) {
    cached.number = epoch;
    cached.order.resize(size_t(total));
    std::iota(cached.order.begin(), cached.order.end(), uint32_t(0));
    PhiloxStream stream(seed,
                        cat("windows of epoch ", epoch, " of ", toHex(hash)));
    for (int64_t i = total - 1; i > 0; --i)
      std::swap(cached.order[size_t(i)],
                cached.order[stream.below(uint64_t(i), uint64_t(i) + 1)]);
  }
  return cached.order;
}

int64_t WindowOrder::windowAt(int64_t position) {
  if (order == "shuffled")
    return permutation(position / total)[size_t(position % total)];
  if (order == "coprime") {
    PhiloxStream stream(seed, "stride of " + toHex(hash));
    uint64_t count = uint64_t(total), start = stream.below(0, count),
             stride = 1 + stream.below(1, count);
    while (std::gcd(stride, count) != 1)
      ++stride;
    return int64_t(
        (start + (unsigned __int128)(uint64_t(position) % count) * stride) %
        count);
  }
  return position % total;
}

void WindowOrder::readStream(int64_t begin, int64_t size, int64_t *out) const {
  size_t shard =
      size_t(std::upper_bound(firstToken.begin(), firstToken.end(), begin) -
             firstToken.begin()) -
      1;
  while (size) {
    int64_t at = begin - firstToken[shard],
            take = std::min(size, shards[shard].tokens() - at);
    shards[shard].read(at, take, vocab, out);
    begin += take, out += take, size -= take;
    ++shard;
  }
}

void WindowOrder::read(int64_t step, int64_t part, int64_t k,
                       int64_t windowsPerStep, int64_t parts, int64_t *tokens,
                       int64_t *targets) {
  bool sequential = order == "sequential";
  int64_t within =
      sequential ? part * (windowsPerStep / parts) + k : part + k * parts;
  int64_t window = windowAt(step * windowsPerStep + within);
  if (sequential) {
    readStream(window * seq, seq + 1, scratch.data());
  } else {
    size_t shard = size_t(std::upper_bound(firstWindow.begin(),
                                           firstWindow.end(), window) -
                          firstWindow.begin()) -
                   1;
    shards[shard].read(phase[shard] + (window - firstWindow[shard]) * seq,
                       seq + 1, vocab, scratch.data());
  }
  std::copy_n(scratch.begin(), seq, tokens);
  std::copy_n(scratch.begin() + 1, seq, targets);
}

} // namespace pgrt
