// What the ranks of one run need of each other. Drivers: SelfCollective,
// ThreadCollective (ranks are threads of one process), MpiCollective.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace pgrt {

/// Memory that goes to another rank, and memory that is filled by one.
struct Send {
  int to;
  const void *data;
  int64_t bytes;
};
struct Receive {
  int from;
  void *data;
  int64_t bytes;
};

/// All ranks call the same functions in the same order. Whatever blocks throws
/// LostRank when a rank is gone, instead of waiting for it.
class Collective {
public:
  Collective() = default;
  Collective(const Collective &) = delete;
  Collective &operator=(const Collective &) = delete;
  virtual ~Collective() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// For messages: "rank 2 (host, process 4711)".
  virtual std::string nameOf(int rank) const;
  /// How many ranks share the processors that this one may use, itself
  /// included.
  virtual int ranksOnProcessors() const { return 1; }

  /// All of these transfers at once, in host memory; returns when what is
  /// received is there and what is sent may change. Between two ranks, the k-th
  /// send meets the k-th receive, of as many bytes, at least one. Nobody sends
  /// to itself.
  virtual void exchange(std::span<const Send> sends,
                        std::span<const Receive> receives) = 0;

  /// The same in the device's memory: after what was launched on it before, and
  /// before what is launched after.
  virtual void exchangeOnDevice(std::span<const Send> sends,
                                std::span<const Receive> receives) {
    exchange(sends, receives);
  }

  /// Throws LostRank if a rank is gone. Cheap: for long work between exchanges.
  virtual void check() {}

  /// Passes an interrupt of this rank on to the others, soon: each then finds
  /// interrupted(). That is haste, not agreement: see any().
  virtual void askToStop() {}

  /// This rank ends with an error: the others end too, with this message and
  /// the rank's name. False if that message was printed here already.
  virtual bool fail(const std::string &message) noexcept { return true; }

  /// The last call of a run without faults: waits for all ranks.
  virtual void finish() { barrier(); }

  // In terms of exchange:

  void barrier();

  /// `bytes` (the same everywhere) of rank `root` are copied to all.
  void broadcast(void *data, int64_t bytes, int root = 0);
  template <typename T> T broadcastValue(T value, int root = 0) {
    static_assert(std::is_trivially_copyable_v<T>);
    broadcast(&value, sizeof value, root);
    return value;
  }
  /// The text of rank `root`, on all.
  std::string broadcastText(std::string text, int root = 0);

  /// `bytes` of each rank, one after the other in the order of ranks.
  void allGather(const void *mine, void *all, int64_t bytes);
  /// Texts, of any length each.
  std::vector<std::string> allGatherTexts(const std::string &mine);

  /// Whether it holds on any rank: the same answer on all.
  bool any(bool mine);
};

/// One rank: nothing to exchange.
class SelfCollective final : public Collective {
public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void exchange(std::span<const Send> sends,
                std::span<const Receive> receives) override {}
};

} // namespace pgrt
