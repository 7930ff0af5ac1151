// How work is ordered: by the memory it touches, over several streams.

#include "runtime/schedule/Lanes.h"
#include "runtime/schedule/Dependencies.h"

#include <gtest/gtest.h>
#include <random>

namespace pgrt {

using Numbers = std::vector<int>;

TEST(Dependencies, ReadersWaitForTheWriterAndWritersForBoth) {
  Dependencies all;
  EXPECT_EQ(all.add({}, {{0, 100}}), Numbers{});
  EXPECT_EQ(all.add({{0, 50}}, {{200, 300}}), Numbers{0});
  EXPECT_EQ(all.add({{50, 100}}, {}), Numbers{0});
  EXPECT_EQ(all.add({}, {{40, 60}}), (Numbers{0, 1, 2}));
  EXPECT_EQ(all.add({{0, 100}}, {}), (Numbers{0, 3}));
  // Who wrote last stands for all before.
  EXPECT_EQ(all.add({{40, 60}}, {}), Numbers{3});
  EXPECT_EQ(all.add({{100, 200}}, {{300, 301}}), Numbers{});
  EXPECT_EQ(all.add({}, {{0, 400}}), (Numbers{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(all.add({{399, 400}, {7, 7}}, {{5, 5}}), Numbers{7});
}

TEST(Dependencies, WhatIsReadAndWrittenAtOnceDoesNotWaitForItself) {
  Dependencies all;
  EXPECT_EQ(all.add({{0, 10}}, {{0, 10}}), Numbers{});
  EXPECT_EQ(all.add({{0, 10}}, {{5, 6}}), Numbers{0});
}

TEST(Lanes, AChainStaysInOneLane) {
  Lanes lanes(4);
  for (int i = 0; i < 5; ++i) {
    Lanes::Place place = lanes.add(i ? Numbers{i - 1} : Numbers{});
    EXPECT_EQ(place.lane, 0);
    EXPECT_EQ(place.waits, Numbers{});
  }
}

TEST(Lanes, IndependentWorkGoesSideBySideAndIsJoinedOnce) {
  Lanes lanes(4);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(lanes.add({}).lane, i);
  Lanes::Place join = lanes.add({0, 1, 2});
  EXPECT_EQ(join.lane, 2);
  EXPECT_EQ(join.waits, (Numbers{1, 0}));
  // What the join waited for is known behind it.
  Lanes::Place after = lanes.add({0, 3});
  EXPECT_EQ(after.lane, 2);
  EXPECT_EQ(after.waits, Numbers{});
  EXPECT_EQ(lanes.last(), (Numbers{0, 1, 4}));
}

// Of random programs: whatever conflicts is ordered by streams and waits, and
// no wait could be left out.
TEST(Lanes, OrderEveryConflict) {
  std::mt19937 random(5);
  auto draw = [&](int below) { return int(random() % uint32_t(below)); };
  for (int trial = 0; trial < 40; ++trial) {
    const int count = 60, most = 1 + draw(5);
    Dependencies dependencies;
    Lanes lanes(most);
    std::vector<std::vector<MemoryRange>> reads, writes;
    std::vector<std::vector<bool>> ordered; // ordered[i][j]: j is before i
    std::vector<int> tails(size_t(most), -1);
    auto ranges = [&] {
      std::vector<MemoryRange> made;
      for (int i = draw(3); i > 0; --i) {
        uint64_t begin = uint64_t(draw(100));
        made.push_back({begin, begin + uint64_t(draw(20))});
      }
      return made;
    };
    auto conflicts = [&](const std::vector<MemoryRange> &a,
                         const std::vector<MemoryRange> &b) {
      for (const MemoryRange &x : a)
        for (const MemoryRange &y : b)
          if (std::max(x.begin, y.begin) < std::min(x.end, y.end))
            return true;
      return false;
    };
    for (int i = 0; i < count; ++i) {
      reads.push_back(ranges());
      writes.push_back(ranges());
      Lanes::Place place =
          lanes.add(dependencies.add(reads.back(), writes.back()));
      std::vector<bool> before(size_t(count), false);
      auto after = [&](int other) {
        before[size_t(other)] = true;
        for (int k = 0; k < other; ++k)
          if (ordered[size_t(other)][size_t(k)])
            before[size_t(k)] = true;
      };
      int &tail = tails[size_t(place.lane)];
      if (tail >= 0)
        after(tail);
      tail = i;
      for (int other : place.waits) {
        EXPECT_FALSE(before[size_t(other)]) << "a wait too many";
        after(other);
      }
      for (int j = 0; j < i; ++j)
        if (conflicts(reads[size_t(j)], writes.back()) ||
            conflicts(writes[size_t(j)], reads.back()) ||
            conflicts(writes[size_t(j)], writes.back()))
          EXPECT_TRUE(before[size_t(j)]) << j << " has to be before " << i;
      ordered.push_back(before);
    }
    EXPECT_LE(int(lanes.last().size()), most);
  }
}

} // namespace pgrt
