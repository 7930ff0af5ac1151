#include "runtime/device/cpu/ThreadTeam.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <unistd.h>

namespace pgrt {

TEST(ThreadTeam, EveryChunkOnce) {
  for (int threads : {1, 2, 3, 5}) {
    ThreadTeam team(threads);
    for (int64_t chunks : {0, 1, 2, 7, 1000}) {
      std::vector<int> counts(size_t(chunks), 0);
      team.run(chunks, [&](int64_t chunk, int thread) {
        ASSERT_TRUE(thread >= 0 && thread < threads);
        ++counts[size_t(chunk)];
      });
      for (int count : counts)
        ASSERT_EQ(count, 1);
    }
  }
}

// What one loop writes, the next one reads, on whatever thread.
TEST(ThreadTeam, LoopsComeOneAfterTheOther) {
  ThreadTeam team(3);
  std::vector<int64_t> values[2] = {std::vector<int64_t>(64, 0),
                                    std::vector<int64_t>(64, 0)};
  for (int round = 0; round < 2000; ++round) {
    const std::vector<int64_t> &from = values[round & 1];
    std::vector<int64_t> &to = values[1 - (round & 1)];
    team.run(64, [&](int64_t i, int) {
      to[size_t(i)] = std::max(from[size_t(i)], from[size_t((i + 1) % 64)]) + 1;
    });
  }
  for (int64_t value : values[0])
    EXPECT_EQ(value, 2000);
}

TEST(ThreadTeam, WakesAfterSleep) {
  ThreadTeam team(2);
  int64_t sum = 0;
  for (int round = 0; round < 5; ++round) {
    std::atomic<int64_t> count{0};
    team.run(100, [&](int64_t, int) { count.fetch_add(1); });
    sum += count;
    usleep(20000); // by now the others sleep
  }
  EXPECT_EQ(sum, 500);
}

} // namespace pgrt
