#include "runtime/collective/Collective.h"
#include "runtime/collective/LostRank.h"
#include "runtime/collective/ThreadCollective.h"

#include <atomic>
#include <gtest/gtest.h>

namespace pgrt {

TEST(Collective, Algorithms) {
  for (int size : {1, 2, 3, 4, 7}) {
    runOnThreads(size, [&](Collective &ranks) {
      const int rank = ranks.rank();
      EXPECT_EQ(ranks.size(), size);
      for (int round = 0; round < 20; ++round) {
        int64_t mine = rank * 100 + round;
        std::vector<int64_t> all(static_cast<size_t>(size));
        ranks.allGather(&mine, all.data(), sizeof mine);
        for (int other = 0; other < size; ++other)
          EXPECT_EQ(all[size_t(other)], other * 100 + round);
        EXPECT_EQ(ranks.broadcastValue(mine, size - 1),
                  (size - 1) * 100 + round);
        EXPECT_FALSE(ranks.any(false));
        EXPECT_TRUE(ranks.any(rank == round % size));
        ranks.barrier();
        // Of different lengths, empty ones among them.
        std::vector<std::string> texts =
            ranks.allGatherTexts(std::string(size_t(rank), 'x'));
        for (int other = 0; other < size; ++other)
          EXPECT_EQ(texts[size_t(other)], std::string(size_t(other), 'x'));
        EXPECT_EQ(ranks.broadcastText(rank == 0 ? "from 0" : "mine"), "from 0");
      }
      ranks.finish();
    });
  }
}

TEST(Collective, ExchangesMatchInOrder) {
  runOnThreads(3, [](Collective &ranks) {
    const int next = (ranks.rank() + 1) % 3, before = (ranks.rank() + 2) % 3;
    std::vector<double> sent(1000), first(500), second(500);
    for (size_t i = 0; i < sent.size(); ++i)
      sent[i] = double(ranks.rank()) + double(i) / 1000;
    std::vector<Send> sends = {{next, sent.data(), 4000},
                               {next, sent.data() + 500, 4000}};
    std::vector<Receive> receives = {{before, first.data(), 4000},
                                     {before, second.data(), 4000}};
    ranks.exchange(sends, receives);
    for (size_t i = 0; i < 500; ++i) {
      EXPECT_EQ(first[i], double(before) + double(i) / 1000);
      EXPECT_EQ(second[i], double(before) + double(i + 500) / 1000);
    }
  });
}

TEST(Collective, AFailureEndsTheOthers) {
  std::atomic<int> lost{0};
  try {
    runOnThreads(4, [&](Collective &ranks) {
      for (int i = 0;; ++i) {
        if (ranks.rank() == 2 && i == 3)
          failInput("no more");
        try {
          ranks.barrier();
        } catch (const LostRank &error) {
          EXPECT_STREQ(error.what(), "rank 2 has failed");
          EXPECT_THROW(ranks.check(), LostRank);
          ++lost;
          throw;
        }
      }
    });
    FAIL();
  } catch (const LostRank &) {
    FAIL();
  } catch (const Error &error) {
    EXPECT_STREQ(error.what(), "no more");
  }
  EXPECT_EQ(lost, 3);
}

TEST(Collective, MismatchesAreFaults) {
  EXPECT_THROW(runOnThreads(2,
                            [](Collective &ranks) {
                              int64_t value = 0;
                              Send send{1, &value, 8};
                              Receive receive{0, &value, 4};
                              if (ranks.rank() == 0)
                                ranks.exchange({&send, 1}, {});
                              else
                                ranks.exchange({}, {&receive, 1});
                            }),
               Error);
}

} // namespace pgrt
