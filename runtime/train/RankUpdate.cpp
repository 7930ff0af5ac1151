#include "runtime/train/RankUpdate.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/support/Error.h"

namespace pgrt {

void checkRanks(int64_t parts, int ranks) {
  if (ranksCanShare(parts, ranks))
    return;
  std::string possible;
  for (int64_t n = 1; n <= parts; ++n)
    if (ranksCanShare(parts, n))
      possible += cat(possible.empty() ? "" : ", ", n);
  failUsage(ranks, " ranks cannot share a step of ", parts,
            parts == 1 ? " part" : " parts",
            " and keep the order of its sums: possible are ", possible);
}

// Buffers for what is received start at such multiples.
static int64_t padded(int64_t bytes) { return (bytes + 63) / 64 * 64; }

RankUpdate::RankUpdate(Executor &executor, Collective &ranks,
                       const BucketTimes &times)
    : executor(executor), ranks(ranks), shards(executor.plan(), ranks.size()) {
  if (ranks.size() == 1)
    return;
  BucketTimes own = times;
  own.inOne |= !runsBeside();
  int64_t most = 0;
  for (const plan::Program &train : executor.plan().programs()) {
    if (train.role() != "train")
      continue;
    std::vector<GradientBucket> &cut = buckets[&train];
    cut = gradientBuckets(executor.plan(), train, shards, own);
    int64_t bytes = 0;
    std::vector<Executor::Signal> signals;
    for (const GradientBucket &bucket : cut) {
      Executor::Signal &signal = signals.emplace_back(
          Executor::Signal{int(signals.size()), bucket.after, {}});
      for (const GradientPiece &piece : bucket.pieces) {
        signal.memory.push_back(piece.extent);
        if (piece.adder == ranks.rank())
          bytes += padded(piece.extent.bytes);
      }
    }
    if (runsBeside())
      executor.signalWithin(train, std::move(signals));
    most = std::max(most, bytes);
  }
  received = executor.device().allocate(
      std::vector<int64_t>(size_t(ranks.size() - 1), most));
}

RankUpdate::~RankUpdate() {
  for (const auto &[update, ofUpdate] : stages)
    for (const Stage &stage : ofUpdate)
      executor.forget(stage.program);
  if (runsBeside())
    for (const auto &[train, ofTrain] : buckets)
      executor.signalWithin(*train, {});
  // After a failure a rank may be gone that an exchange under way waits for:
  // that memory goes with the device.
  if (std::uncaught_exceptions() == thrownBefore)
    executor.device().release(received);
}

bool RankUpdate::runsBeside() const {
  return ranks.size() > 1 && executor.device().runsBeside();
}

void RankUpdate::addGradients(const plan::Program &train,
                              const std::vector<InstanceSum> &own) {
  if (ranks.size() == 1)
    return;
  int64_t offset = 0;
  int number = 0;
  for (const GradientBucket &bucket : buckets.at(&train))
    executor.device().beside(number++, [&] { addBucket(bucket, own, offset); });
}

void RankUpdate::sumInstances(const GradientBucket &bucket,
                              const InstanceSum &sum) {
  std::vector<TreeSum> sums;
  for (const GradientPiece &piece : bucket.pieces) {
    void *to = executor.address(piece.extent, sum.to);
    sums.push_back({to,
                    {to, executor.address(piece.extent, sum.from)},
                    piece.extent.bytes / typeBytes(piece.type),
                    piece.type});
  }
  executor.device().sum(sums);
}

// What other ranks send lies in `received` from `offset` on.
void RankUpdate::addBucket(const GradientBucket &bucket,
                           const std::vector<InstanceSum> &own,
                           int64_t &offset) {
  for (const InstanceSum &sum : own)
    sumInstances(bucket, sum);
  const int size = ranks.size(), self = ranks.rank();
  std::vector<TreeSum> sums;
  std::vector<Send> sends, sumsSent;
  std::vector<Receive> receives, sumsReceived;
  bool sumsGo = false; // on whatever rank
  for (const GradientPiece &piece : bucket.pieces) {
    const int64_t bytes = piece.extent.bytes;
    void *mine = executor.address(piece.extent);
    for (int rank = 0; rank < size; ++rank) {
      sumsGo |= piece.sumGoesTo(rank);
      if (piece.adder == self && piece.sumGoesTo(rank))
        sumsSent.push_back({rank, mine, bytes});
    }
    if (piece.sumGoesTo(self))
      sumsReceived.push_back({piece.adder, mine, bytes});
    if (piece.adder != self) {
      sends.push_back({piece.adder, mine, bytes});
      continue;
    }
    TreeSum &sum = sums.emplace_back(
        TreeSum{mine, {}, bytes / typeBytes(piece.type), piece.type});
    for (int rank = 0; rank < size; ++rank) {
      if (rank == self) {
        sum.from.push_back(mine);
        continue;
      }
      char *buffer =
          static_cast<char *>(received[size_t(rank - (rank > self))]);
      sum.from.push_back(buffer + offset);
      receives.push_back({rank, buffer + offset, bytes});
    }
    offset += padded(bytes);
  }
  ranks.exchangeOnDevice(sends, receives);
  executor.device().sum(sums);
  if (sumsGo)
    ranks.exchangeOnDevice(sumsSent, sumsReceived);
}

void RankUpdate::gather(const std::vector<UpdateShards::Piece> &pieces) {
  std::vector<Send> sends;
  std::vector<Receive> receives;
  for (const auto &[owner, extent] : pieces) {
    void *memory = executor.address(extent);
    if (owner != ranks.rank())
      receives.push_back({owner, memory, extent.bytes});
    for (int rank = 0; rank < ranks.size(); ++rank)
      if (owner == ranks.rank() && rank != owner)
        sends.push_back({rank, memory, extent.bytes});
  }
  if (!pieces.empty())
    ranks.exchangeOnDevice(sends, receives);
}

const std::vector<RankUpdate::Stage> &
RankUpdate::stagesOf(const plan::Program &update) {
  auto [found, isNew] = stages.try_emplace(&update);
  if (!isNew)
    return found->second;
  for (UpdateShards::Stage &stage : shards.stagesOf(update)) {
    Stage &own = found->second.emplace_back();
    own.gathered = std::move(stage.gathered);
    own.program.set_name(update.name());
    own.program.set_role(update.role());
    for (size_t i = 0; i < stage.commands.size(); ++i)
      if (stage.owners[i] == ranks.rank() ||
          stage.owners[i] == ExtentMap::everywhere)
        *own.program.add_commands() = update.commands(stage.commands[i]);
  }
  return found->second;
}

void RankUpdate::run(const plan::Program &update,
                     const std::vector<double> &scalars) {
  executor.device().join();
  if (ranks.size() == 1) {
    executor.run(update, scalars);
    return;
  }
  // What this rank's share leaves out is allocated too: others may send it.
  executor.allocateFor(update);
  for (const Stage &stage : stagesOf(update)) {
    gather(stage.gathered);
    executor.run(stage.program, scalars);
  }
}

void RankUpdate::shareAverages() {
  if (ranks.size() > 1)
    gather(shards.averages());
}

} // namespace pgrt
