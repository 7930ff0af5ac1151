// Collectives between simulated devices: a rank's part waits in its stream
// until those of all ranks are there.
#pragma once

#include "tools/gpusim/driver/Engine.h"
#include "tools/gpusim/nccl/Abi.h"

namespace gpusim {

enum class CollectiveKind {
  AllReduce,
  ReduceScatter,
  AllGather,
  Broadcast,
  Reduce,
  AllToAll,
  Send,
  Recv,
};
const char *collectiveName(CollectiveKind kind);

/// One call of one rank.
struct Part {
  CollectiveKind kind;
  uint64_t send = 0, receive = 0; ///< device addresses
  uint64_t count = 0;             ///< elements, as the call counts them
  ncclDataType_t type = ncclFloat32;
  ncclRedOp_t op = ncclSum;
  int peer = 0; ///< root, or the other side
  bool done = false;
};
unsigned elementBytes(ncclDataType_t type);

/// The ranks that talk to each other.
struct Clique {
  int ranks = 0;
  int joined = 0;
  std::vector<std::deque<std::shared_ptr<Part>>> collectives; ///< by rank
  std::map<std::pair<int, int>, std::deque<std::shared_ptr<Part>>> sends,
      receives; ///< by (from, to)
  /// Runs all that is complete; true if anything was.
  bool match();
  void offer(int rank, std::shared_ptr<Part> part);
};

/// The calls of a group on one stream: done when each of them is.
class GroupOp : public Op {
public:
  struct Item {
    std::shared_ptr<Clique> clique;
    int rank;
    std::shared_ptr<Part> part;
  };
  explicit GroupOp(std::vector<Item> items);
  void offer() override;
  bool poll() override;
  std::shared_ptr<Op> again() const override;

private:
  std::vector<Item> items;
};

} // namespace gpusim

struct ncclComm {
  std::shared_ptr<gpusim::Clique> clique;
  int rank, device;
};
