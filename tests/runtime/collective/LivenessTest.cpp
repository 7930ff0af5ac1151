#include "runtime/collective/Liveness.h"
#include "runtime/collective/LostRank.h"
#include "runtime/support/Interrupt.h"

#include <chrono>
#include <condition_variable>
#include <gtest/gtest.h>
#include <memory>

namespace pgrt {

namespace {
/// One rank's end, with what it printed and whether it would have ended.
struct Member {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> printed;
  int ended = 0;
  std::unique_ptr<Liveness> liveness; // goes first: its thread uses the rest

  void open(int rank, std::vector<std::string> names,
            std::vector<Socket> connections, double silence) {
    Liveness::Options options;
    options.beat = 0.02;
    options.silence = silence;
    options.grace = 0.05;
    options.print = [this](const std::string &text) {
      std::lock_guard<std::mutex> lock(mutex);
      printed.push_back(text);
      changed.notify_all();
    };
    options.end = [this] {
      std::lock_guard<std::mutex> lock(mutex);
      ++ended;
      changed.notify_all();
    };
    liveness = std::make_unique<Liveness>(rank, std::move(names),
                                          std::move(connections), options);
  }

  template <typename Condition> bool await(Condition &&condition) {
    std::unique_lock<std::mutex> lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), condition);
  }
  bool awaitEnd() {
    return await([this] { return ended > 0; });
  }
};

class LivenessTest : public testing::Test {
protected:
  void open(double silence = 20) {
    std::vector<std::string> names = {"rank 0 (here)", "rank 1 (there)",
                                      "rank 2 (yonder)"};
    std::vector<Socket> ofRoot(3);
    for (int rank = 1; rank < 3; ++rank) {
      std::pair<Socket, Socket> ends = socketPair();
      ofRoot[size_t(rank)] = std::move(ends.first);
      std::vector<Socket> one;
      one.push_back(std::move(ends.second));
      ranks[rank].open(rank, names, std::move(one), silence);
    }
    ranks[0].open(0, names, std::move(ofRoot), silence);
  }

  void expectLost(int rank, const std::string &message) {
    ASSERT_TRUE(ranks[rank].awaitEnd()) << rank;
    EXPECT_EQ(ranks[rank].printed, std::vector<std::string>{message});
    try {
      ranks[rank].liveness->throwIfLost();
      FAIL();
    } catch (const LostRank &lost) {
      EXPECT_EQ(lost.what(), message);
      EXPECT_EQ(lost.code, ExitCode::Machine);
    }
  }

  Member ranks[3];
};
} // namespace

TEST_F(LivenessTest, EndOfAProcess) {
  open();
  ranks[0].liveness->throwIfLost();
  ranks[1].liveness.reset();
  const std::string message =
      "rank 1 (there) is lost: its process ended without a word";
  expectLost(0, message);
  expectLost(2, message);
}

TEST_F(LivenessTest, EndOfRankZero) {
  open();
  ranks[0].liveness.reset();
  for (int rank : {1, 2})
    expectLost(rank, "rank 0 (here) is lost: its process ended without a word");
}

TEST_F(LivenessTest, AnErrorIsToldToAll) {
  open();
  EXPECT_TRUE(ranks[2].liveness->fail("the disk is full"));
  for (int rank : {0, 1})
    expectLost(rank, "rank 2 (yonder) ended with an error: the disk is full");
}

TEST_F(LivenessTest, OneErrorOfAllIsPrintedOnce) {
  open();
  EXPECT_TRUE(ranks[0].liveness->fail("no such file"));
  EXPECT_FALSE(ranks[1].liveness->fail("no such file"));
}

TEST_F(LivenessTest, Silence) {
  std::vector<std::string> names = {"rank 0 (here)", "rank 1 (there)"};
  std::pair<Socket, Socket> ends = socketPair(); // nobody beats at its end
  std::vector<Socket> connections(2);
  connections[1] = std::move(ends.first);
  ranks[0].open(0, names, std::move(connections), 0.2);
  expectLost(0, "rank 1 (there) is lost: nothing was heard of it for 0.2 s");
}

TEST_F(LivenessTest, BeatsKeepAlive) {
  open(0.5);
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  for (Member &member : ranks)
    member.liveness->throwIfLost();
}

TEST_F(LivenessTest, InterruptsArePassedOn) {
  open();
  ASSERT_FALSE(interrupted());
  ranks[1].liveness->askToStop();
  for (int i = 0; i < 2000 && !interrupted(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(interrupted());
  // Of all ranks in this process: the flag is one.
  setInterrupted(false);
}

TEST_F(LivenessTest, AfterTheEndNobodyMinds) {
  open();
  for (Member &member : ranks)
    member.liveness->finish();
  ranks[1].liveness.reset();
  ranks[0].liveness.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(ranks[2].printed.empty());
  EXPECT_EQ(ranks[2].ended, 0);
}

TEST(Meeting, StrangersAreSentAway) {
  Meeting meeting;
  Socket listener = listenForRanks(meeting);
  Meeting other = Meeting::parse(meeting.text());
  EXPECT_EQ(other.text(), meeting.text());
  other.secret = std::string(32, '0');
  Socket stranger = connectToRoot(other, 1, 5), second;
  std::thread late([&] { second = connectToRoot(meeting, 2, 5); });
  Socket first = connectToRoot(meeting, 1, 5);
  std::vector<Socket> accepted = acceptRanks(listener, meeting, 3, 20);
  late.join();
  ASSERT_EQ(accepted.size(), 3u);
  EXPECT_FALSE(accepted[0].isOpen());
  EXPECT_TRUE(accepted[1].isOpen());
  EXPECT_TRUE(accepted[2].isOpen());
  EXPECT_THROW(acceptRanks(listener, meeting, 2, 0.05), Error);
}

} // namespace pgrt
