#include "runtime/data/WindowOrder.h"
#include "runtime/support/Error.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <gtest/gtest.h>
#include <set>

namespace pgrt {

namespace {
constexpr int64_t seq = 10, big = 65536;

/// Shards in which every token is its own place, so that a window can be told
/// by its first token.
std::vector<Shard> writeShards(const std::string &folder,
                               std::vector<int64_t> sizes,
                               bool reversedNames = false) {
  int64_t next = 0;
  std::vector<Shard> shards;
  std::vector<std::string> names;
  for (size_t i = 0; i < sizes.size(); ++i) {
    std::vector<uint16_t> tokens;
    for (int64_t k = 0; k < sizes[i]; ++k)
      tokens.push_back(uint16_t(next++));
    names.push_back(folder + "/train_" +
                    std::to_string(reversedNames ? sizes.size() - i : i) +
                    ".bin");
    toy::writeShard(names.back(), tokens);
  }
  return openShards(folder, "train");
}

/// The first tokens of a step's windows, part by part.
std::vector<int64_t> step(WindowOrder &order, int64_t number, int64_t windows,
                          int64_t parts) {
  std::vector<int64_t> starts;
  int64_t tokens[seq], targets[seq];
  for (int64_t part = 0; part < parts; ++part)
    for (int64_t k = 0; k < windows / parts; ++k) {
      order.read(number, part, k, windows, parts, tokens, targets);
      for (int64_t i = 0; i < seq; ++i)
        EXPECT_EQ(targets[i], tokens[i] + 1);
      starts.push_back(tokens[0]);
    }
  return starts;
}
} // namespace

TEST(WindowOrder, SequentialIsTheStream) {
  std::string folder = toy::testFolder();
  WindowOrder order(writeShards(folder, {37, 25, 59}), "sequential", seq, big,
                    1);
  EXPECT_EQ(order.windows(), 12);
  EXPECT_EQ(step(order, 0, 4, 2),
            (std::vector<int64_t>{0, 10, 20, 30})); // across the end of a shard
  EXPECT_EQ(step(order, 2, 4, 4), (std::vector<int64_t>{80, 90, 100, 110}));
  EXPECT_EQ(step(order, 3, 4, 4),
            (std::vector<int64_t>{0, 10, 20, 30})); // again from the start
}

TEST(WindowOrder, ShuffledMeetsEachWindowOncePerEpoch) {
  for (const char *kind : {"shuffled", "coprime"}) {
    std::string folder = toy::testFolder();
    WindowOrder order(writeShards(folder, {100, 205, 11, 5, 61}), kind, seq,
                      big, 3);
    int64_t windows = order.windows();
    EXPECT_GE(windows, 9 + 19 + 1 + 5);
    std::set<int64_t> first, second;
    std::vector<int64_t> orderOfFirst, orderOfSecond;
    for (int64_t i = 0; i < windows; ++i) {
      orderOfFirst.push_back(step(order, i, 1, 1)[0]);
      orderOfSecond.push_back(step(order, windows + i, 1, 1)[0]);
    }
    first.insert(orderOfFirst.begin(), orderOfFirst.end());
    second.insert(orderOfSecond.begin(), orderOfSecond.end());
    EXPECT_EQ(int64_t(first.size()), windows);
    EXPECT_EQ(first, second);
    EXPECT_FALSE(std::is_sorted(orderOfFirst.begin(), orderOfFirst.end()));
    if (kind == std::string("shuffled"))
      EXPECT_NE(orderOfFirst, orderOfSecond);
    // Windows of a shard do not overlap.
    for (auto at = first.begin(); std::next(at) != first.end(); ++at)
      EXPECT_GE(*std::next(at) - *at, seq);
  }
}

TEST(WindowOrder, PartsTakeEveryNth) {
  std::string folder = toy::testFolder();
  WindowOrder order(writeShards(folder, {500}), "shuffled", seq, big, 3);
  std::vector<int64_t> one = step(order, 1, 8, 1), two = step(order, 1, 8, 2);
  EXPECT_EQ(two, (std::vector<int64_t>{one[0], one[2], one[4], one[6], one[1],
                                       one[3], one[5], one[7]}));
}

TEST(WindowOrder, DependsOnSeedAndContentOnly) {
  std::string folder = toy::testFolder(), other = folder + "/other";
  std::vector<Shard> shards = writeShards(folder, {300, 200});
  ASSERT_EQ(system(("mkdir " + other).c_str()), 0);
  WindowOrder a(std::move(shards), "shuffled", seq, big, 5);
  WindowOrder b(writeShards(other, {300, 200}, /*reversedNames=*/true),
                "shuffled", seq, big, 5);
  WindowOrder c(openShards(folder, "train"), "shuffled", seq, big, 6);
  EXPECT_EQ(a.dataHash(), b.dataHash());
  EXPECT_EQ(step(a, 0, 16, 4), step(b, 0, 16, 4));
  EXPECT_NE(step(a, 0, 16, 4), step(c, 0, 16, 4));
}

TEST(WindowOrder, AStepMayBeSeveralEpochs) {
  std::string folder = toy::testFolder();
  WindowOrder order(writeShards(folder, {41}), "shuffled", seq, big, 5);
  ASSERT_LE(order.windows(), 4);
  std::vector<int64_t> starts = step(order, 0, 5 * order.windows(), 1);
  for (int64_t start : std::set<int64_t>(starts.begin(), starts.end()))
    EXPECT_EQ(std::count(starts.begin(), starts.end(), start), 5);
}

TEST(WindowOrder, TooFewTokens) {
  for (const char *kind : {"shuffled", "sequential", "coprime"}) {
    std::string folder = toy::testFolder();
    EXPECT_THROW(WindowOrder(writeShards(folder, {10}), kind, seq, big, 5),
                 Error);
    EXPECT_EQ(
        WindowOrder(writeShards(folder, {11}), kind, seq, big, 5).windows(), 1);
    EXPECT_THROW(WindowOrder({}, kind, seq, big, 5), Error);
  }
}

} // namespace pgrt
