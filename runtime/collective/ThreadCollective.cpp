#include "runtime/collective/ThreadCollective.h"
#include "runtime/collective/LostRank.h"

#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

namespace pgrt {

namespace {
/// Where the ranks meet. An exchange is a posting of what each rank sends, a
/// meeting, copies by the receivers, and a second meeting, after which what was
/// sent may change.
class MeetingPlace {
public:
  explicit MeetingPlace(int ranks) : ranks(ranks), posted(size_t(ranks)) {}

  void exchange(int rank, std::span<const Send> sends,
                std::span<const Receive> receives) {
    posted[size_t(rank)] = sends;
    meet(/*leavesOnFailure=*/true);
    std::vector<size_t> next(size_t(ranks), 0); // of each sender's sends
    const Receive *unmet = nullptr;
    for (const Receive &receive : receives) {
      std::span<const Send> from = posted[size_t(receive.from)];
      size_t &i = next[size_t(receive.from)];
      while (i < from.size() && from[i].to != rank)
        ++i;
      if (i == from.size() || from[i].bytes != receive.bytes) {
        unmet = &receive;
        break;
      }
      std::memcpy(receive.data, from[i++].data, size_t(receive.bytes));
    }
    // All are here and copy: nobody may leave, and free what it sends, before
    // they are done.
    meet(/*leavesOnFailure=*/false);
    if (unmet)
      failMachine("rank ", rank, " expects ", unmet->bytes, " bytes of rank ",
                  unmet->from, ", which sends something else");
  }

  void check() {
    std::lock_guard<std::mutex> lock(mutex);
    throwIfFailed();
  }

  /// Ends all meetings. The first failure is the one that counts.
  void fail(int rank, std::exception_ptr why) {
    std::lock_guard<std::mutex> lock(mutex);
    if (!failure) {
      failure = why;
      failed = rank;
    }
    changed.notify_all();
  }

  std::exception_ptr failure;

private:
  void meet(bool leavesOnFailure) {
    std::unique_lock<std::mutex> lock(mutex);
    if (leavesOnFailure)
      throwIfFailed();
    if (++arrived == ranks) {
      arrived = 0;
      ++round;
      changed.notify_all();
      return;
    }
    int64_t mine = round;
    changed.wait(lock,
                 [&] { return round != mine || (leavesOnFailure && failure); });
    if (round == mine)
      throwIfFailed();
  }

  void throwIfFailed() const {
    if (failure)
      throw LostRank(cat("rank ", failed, " has failed"));
  }

  int ranks;
  std::vector<std::span<const Send>> posted; // of each rank
  std::mutex mutex;
  std::condition_variable changed;
  int arrived = 0;
  int64_t round = 0;
  int failed = -1;
};

class ThreadCollective final : public Collective {
public:
  ThreadCollective(int rank, int ranks, MeetingPlace &place)
      : own(rank), ranks(ranks), place(place) {}

  int rank() const override { return own; }
  int size() const override { return ranks; }
  int ranksOnProcessors() const override { return ranks; }
  void exchange(std::span<const Send> sends,
                std::span<const Receive> receives) override {
    place.exchange(own, sends, receives);
  }
  void check() override { place.check(); }

private:
  int own, ranks;
  MeetingPlace &place;
};
} // namespace

void runOnThreads(int ranks, const std::function<void(Collective &)> &body) {
  MeetingPlace place(ranks);
  std::vector<std::thread> threads;
  threads.reserve(size_t(ranks));
  for (int rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] {
      ThreadCollective collective(rank, ranks, place);
      try {
        body(collective);
      } catch (...) {
        place.fail(rank, std::current_exception());
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  if (place.failure)
    std::rethrow_exception(place.failure);
}

} // namespace pgrt
