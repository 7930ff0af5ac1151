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

RankUpdate::RankUpdate(Executor &executor, Collective &ranks)
    : executor(executor), ranks(ranks), shards(executor.plan(), ranks.size()) {
  if (ranks.size() == 1)
    return;
  int64_t bytes = 0;
  for (const auto &[piece, type] : shards.gradients())
    if (piece.owner == ranks.rank())
      bytes += padded(piece.extent.bytes);
  received = executor.device().allocate(
      std::vector<int64_t>(size_t(ranks.size() - 1), bytes));
}

RankUpdate::~RankUpdate() {
  for (const auto &[update, ofUpdate] : stages)
    for (const Stage &stage : ofUpdate)
      executor.forget(stage.program);
  executor.device().release(received);
}

void *RankUpdate::address(const Extent &extent) const {
  plan::Slot slot;
  slot.set_arena(uint32_t(extent.arena));
  slot.set_offset(extent.begin);
  return executor.address(slot);
}

void RankUpdate::addGradients() {
  const int size = ranks.size(), own = ranks.rank();
  if (size == 1)
    return;
  std::vector<TreeSum> sums; // of the pieces that this rank owns
  std::vector<Send> sends;
  std::vector<Receive> receives;
  int64_t offset = 0;
  for (const auto &[piece, type] : shards.gradients()) {
    const auto &[owner, extent] = piece;
    void *mine = address(extent);
    if (owner != own) {
      sends.push_back({owner, mine, extent.bytes});
      continue;
    }
    TreeSum &sum = sums.emplace_back(
        TreeSum{mine, {}, extent.bytes / typeBytes(type), type});
    for (int rank = 0; rank < size; ++rank) {
      if (rank == own) {
        sum.from.push_back(mine);
        continue;
      }
      char *buffer = static_cast<char *>(received[size_t(rank - (rank > own))]);
      sum.from.push_back(buffer + offset);
      receives.push_back({rank, buffer + offset, extent.bytes});
    }
    offset += padded(extent.bytes);
  }
  ranks.exchangeOnDevice(sends, receives);
  executor.device().sum(sums);
}

void RankUpdate::gather(const std::vector<UpdateShards::Piece> &pieces) {
  std::vector<Send> sends;
  std::vector<Receive> receives;
  for (const auto &[owner, extent] : pieces) {
    void *memory = address(extent);
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
