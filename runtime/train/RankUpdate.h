// The second half of a step on several ranks: gradients are added and the
// update is made, each rank doing its share.
#pragma once

#include "runtime/collective/Collective.h"
#include "runtime/executor/Executor.h"
#include "runtime/schedule/UpdateShards.h"

#include <map>

namespace pgrt {

/// Throws Error (Usage) unless so many ranks can share a step of so many parts
/// (ranksCanShare). The message says which numbers can.
void checkRanks(int64_t parts, int ranks);

class RankUpdate {
public:
  RankUpdate(Executor &executor, Collective &ranks);
  RankUpdate(const RankUpdate &) = delete;
  RankUpdate &operator=(const RankUpdate &) = delete;
  ~RankUpdate();

  /// The bound instance of the gradients holds the sum over this rank's parts.
  /// Each rank gets, of the gradients it owns, all ranks' sums, and adds them
  /// by the same tree.
  void addGradients();

  /// Runs `update`: this rank's share of it. Afterwards all ranks have all
  /// parameters.
  void run(const plan::Program &update, const std::vector<double> &scalars);

  /// All ranks get all averages: before they are saved or used.
  void shareAverages();

private:
  struct Stage {
    std::vector<UpdateShards::Piece> gathered;
    plan::Program program; // this rank's commands
  };
  const std::vector<Stage> &stagesOf(const plan::Program &update);
  void gather(const std::vector<UpdateShards::Piece> &pieces);
  void *address(const Extent &extent) const;

  Executor &executor;
  Collective &ranks;
  UpdateShards shards;
  std::map<const plan::Program *, std::vector<Stage>> stages;
  std::vector<void *> received; // of each other rank, this rank's gradients
};

} // namespace pgrt
