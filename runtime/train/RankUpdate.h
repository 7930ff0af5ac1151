// What passes between the ranks of a step: gradients are added, beside the last
// of the backward pass where the device can, and the update is made, each rank
// doing its share.
#pragma once

#include "runtime/collective/Collective.h"
#include "runtime/executor/Executor.h"
#include "runtime/schedule/GradientBuckets.h"

#include <exception>
#include <map>

namespace pgrt {

/// Throws Error (Usage) unless so many ranks can share a step of so many parts
/// (ranksCanShare). The message says which numbers can.
void checkRanks(int64_t parts, int ranks);

/// Gradients of instance `from` are to be added to those of instance `to`.
struct InstanceSum {
  int to, from;
};

class RankUpdate {
public:
  /// `times`: see gradientBuckets. A device that cannot work beside
  /// its programs has one bucket.
  RankUpdate(Executor &executor, Collective &ranks,
             const BucketTimes &times = {});
  RankUpdate(const RankUpdate &) = delete;
  RankUpdate &operator=(const RankUpdate &) = delete;
  ~RankUpdate();

  /// Whether addGradients goes on beside a run of `train` that was asked for
  /// just before it.
  bool runsBeside() const;

  /// Once this rank's parts are in, but for these sums of its own, which are
  /// made first. The gradients must be bound to the instance of the whole sum.
  /// Each rank gets the sums over all ranks, by the fixed tree, of the
  /// gradients that it owns or that all need. All must have asked for the last
  /// run of `train`, which has the last of the gradients: nobody may stop any
  /// more.
  void addGradients(const plan::Program &train,
                    const std::vector<InstanceSum> &own);

  /// Runs `update`, after addGradients: this rank's share of it. Afterwards all
  /// ranks have all parameters.
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
  void addBucket(const GradientBucket &bucket,
                 const std::vector<InstanceSum> &own, int64_t &offset);
  void sumInstances(const GradientBucket &bucket, const InstanceSum &sum);

  Executor &executor;
  Collective &ranks;
  UpdateShards shards;
  std::map<const plan::Program *, std::vector<GradientBucket>>
      buckets; // of each train program
  std::map<const plan::Program *, std::vector<Stage>> stages;
  const int thrownBefore = std::uncaught_exceptions();
  std::vector<void *> received; // of each other rank, what this one adds
};

} // namespace pgrt
