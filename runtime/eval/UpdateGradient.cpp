#include "runtime/eval/UpdateGradient.h"
#include "runtime/plan/PlanCheck.h"

#include <algorithm>
#include <bit>

namespace pgrt {

// Gradients are cut at multiples of so many bytes.
static constexpr int64_t grain = 256;

static int64_t roundedUp(int64_t bytes) {
  return (bytes + grain - 1) / grain * grain;
}

static int64_t groupsOf(int64_t sequences) {
  constexpr int64_t most = 8;
  return std::min(most, int64_t(std::bit_floor(uint64_t(sequences))));
}

UpdateGradient::UpdateGradient(Executor &executor, Collective &ranks)
    : executor(executor), ranks(ranks), arena(gradientArena(executor.plan())) {
  divide();
}

UpdateGradient::~UpdateGradient() {
  // After a failure a rank may be gone that an exchange under way waits for:
  // that memory goes with the device.
  if (std::uncaught_exceptions() > thrownBefore)
    return;
  executor.device().release(kept);
  executor.device().release(others);
}

// As many bytes for each rank.
void UpdateGradient::divide() {
  int64_t all = 0, done = 0;
  for (const plan::Parameter &parameter : executor.plan().parameters()) {
    if (!parameter.has_gradient())
      continue;
    int64_t bytes = typeBytes(parameter.type());
    for (int64_t size : parameter.shape())
      bytes *= size;
    pieces.push_back(
        {{arena, parameter.gradient().offset(), bytes}, parameter.type(), 0});
    all += roundedUp(bytes);
  }
  std::sort(pieces.begin(), pieces.end(), [](const Piece &a, const Piece &b) {
    return a.extent.begin < b.extent.begin;
  });
  const int64_t share = roundedUp(all / ranks.size() + 1);
  std::vector<Piece> cut;
  for (Piece piece : pieces)
    while (piece.extent.bytes > 0) {
      Piece first = piece;
      first.adder = int(done / share);
      first.extent.bytes = std::min(piece.extent.bytes, share - done % share);
      cut.push_back(first);
      piece.extent.begin += first.extent.bytes;
      piece.extent.bytes -= first.extent.bytes;
      done += roundedUp(first.extent.bytes);
    }
  pieces = std::move(cut);
}

void UpdateGradient::compute(int64_t sequences,
                             const std::function<void(int64_t)> &add) {
  executor.bind(arena, 0);
  const int64_t groups = groupsOf(sequences);
  const auto workers =
      int(std::min(groups, int64_t(std::bit_floor(unsigned(ranks.size())))));
  if (workers == 1) { // what is not divided all do
    computeGroups(0, groups, groups, sequences, add);
    return;
  }
  const int64_t own = groups / workers, first = ranks.rank() * own;
  if (ranks.rank() < workers)
    computeGroups(first, first + own, groups, sequences, add);
  addOverRanks(workers);
}

// A binary counter: after group i the arena has the sum of as many groups as
// the largest power of two that divides i + 1.
void UpdateGradient::computeGroups(int64_t begin, int64_t end, int64_t groups,
                                   int64_t sequences,
                                   const std::function<void(int64_t)> &add) {
  for (int64_t group = begin; group < end; ++group) {
    executor.clearArena(arena);
    for (int64_t i = sequences * group / groups;
         i < sequences * (group + 1) / groups; ++i)
      add(i);
    size_t level = 0;
    for (; (group - begin) >> level & 1; ++level)
      addKept(level);
    if (group + 1 < end)
      keep(level);
  }
}

void UpdateGradient::keep(size_t level) {
  const int64_t bytes = executor.plan().arenas(arena).bytes();
  while (kept.size() <= level)
    kept.push_back(executor.device().allocate({bytes}).front());
  executor.device().copy(kept[level], executor.address(Extent{arena, 0, bytes}),
                         bytes);
}

void UpdateGradient::addKept(size_t level) {
  std::vector<TreeSum> sums;
  for (const Piece &piece : pieces) {
    void *later = executor.address(piece.extent);
    sums.push_back(
        {later,
         {static_cast<char *>(kept[level]) + piece.extent.begin, later},
         piece.extent.bytes / typeBytes(piece.type),
         piece.type});
  }
  executor.device().sum(sums);
}

// The first so many ranks have sums of their groups. Each rank adds what they
// have of its pieces, and all get what it comes to.
void UpdateGradient::addOverRanks(int workers) {
  const int self = ranks.rank();
  int64_t own = 0;
  for (const Piece &piece : pieces)
    if (piece.adder == self)
      own += roundedUp(piece.extent.bytes);
  if (others.empty() && own > 0)
    others = executor.device().allocate(std::vector<int64_t>(
        size_t(std::bit_floor(unsigned(ranks.size()))), own));
  std::vector<Send> sends, results;
  std::vector<Receive> receives, resultsReceived;
  std::vector<TreeSum> sums;
  int64_t offset = 0;
  for (const auto &[extent, type, adder] : pieces) {
    void *mine = executor.address(extent);
    if (adder != self) {
      if (self < workers)
        sends.push_back({adder, mine, extent.bytes});
      resultsReceived.push_back({adder, mine, extent.bytes});
      continue;
    }
    TreeSum &sum = sums.emplace_back(
        TreeSum{mine, {}, extent.bytes / typeBytes(type), type});
    for (int worker = 0; worker < workers; ++worker) {
      if (worker == self) {
        sum.from.push_back(mine);
        continue;
      }
      void *place = static_cast<char *>(others[size_t(worker)]) + offset;
      sum.from.push_back(place);
      receives.push_back({worker, place, extent.bytes});
    }
    for (int rank = 0; rank < ranks.size(); ++rank)
      if (rank != self)
        results.push_back({rank, mine, extent.bytes});
    offset += roundedUp(extent.bytes);
  }
  ranks.exchangeOnDevice(sends, receives);
  executor.device().sum(sums);
  ranks.exchangeOnDevice(results, resultsReceived);
}

} // namespace pgrt
