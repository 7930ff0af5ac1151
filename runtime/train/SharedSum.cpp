#include "runtime/train/SharedSum.h"
#include "runtime/plan/PlanCheck.h"

#include <algorithm>
#include <bit>

namespace pgrt {

// Numbers are cut at multiples of so many bytes.
static constexpr int64_t grain = 256;

static int64_t roundedUp(int64_t bytes) {
  return (bytes + grain - 1) / grain * grain;
}

static int64_t groupsOf(int64_t count) {
  constexpr int64_t most = 8;
  return std::min(most, int64_t(std::bit_floor(uint64_t(count))));
}

std::unique_ptr<SharedSum> SharedSum::ofGradients(Executor &executor,
                                                  Collective &ranks) {
  std::vector<Place> places;
  for (const plan::Parameter &parameter : executor.plan().parameters())
    if (parameter.has_gradient())
      places.push_back({parameter.gradient(), parameter.type()});
  return std::unique_ptr<SharedSum>(
      new SharedSum(executor, ranks, std::move(places)));
}

std::unique_ptr<SharedSum> SharedSum::ofHessians(Executor &executor,
                                                 Collective &ranks) {
  std::vector<Place> places;
  for (const plan::Parameter &parameter : executor.plan().parameters())
    if (parameter.has_hessian())
      places.push_back({parameter.hessian(), parameter.type()});
  return std::unique_ptr<SharedSum>(
      new SharedSum(executor, ranks, std::move(places)));
}

SharedSum::SharedSum(Executor &executor, Collective &ranks,
                     std::vector<Place> places)
    : executor(executor), ranks(ranks),
      arena(int(places.front().slot.arena())) {
  divide(std::move(places));
}

SharedSum::~SharedSum() {
  // After a failure a rank may be gone that an exchange under way waits for:
  // that memory goes with the device.
  if (std::uncaught_exceptions() > thrownBefore)
    return;
  executor.device().release(kept);
  executor.device().release(others);
}

// As many bytes for each rank. A place, which several parameters may share,
// reaches to the next; what lies between is zero.
void SharedSum::divide(std::vector<Place> places) {
  std::sort(places.begin(), places.end(), [](const Place &a, const Place &b) {
    return a.slot.offset() < b.slot.offset();
  });
  int64_t all = 0, done = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    const int64_t begin = places[i].slot.offset(),
                  end = i + 1 < places.size()
                            ? places[i + 1].slot.offset()
                            : executor.plan().arenas(arena).bytes();
    pieces.push_back({{arena, begin, end - begin}, places[i].type, 0});
    all += roundedUp(end - begin);
  }
  const int64_t each = roundedUp(all / ranks.size() + 1);
  std::vector<Piece> cut;
  for (Piece piece : pieces)
    while (piece.extent.bytes > 0) {
      Piece first = piece;
      first.adder = int(done / each);
      first.extent.bytes = std::min(piece.extent.bytes, each - done % each);
      cut.push_back(first);
      piece.extent.begin += first.extent.bytes;
      piece.extent.bytes -= first.extent.bytes;
      done += roundedUp(first.extent.bytes);
    }
  pieces = std::move(cut);
}

void SharedSum::compute(int64_t count,
                        const std::function<void(int64_t)> &add) {
  executor.bind(arena, 0);
  const int64_t groups = groupsOf(count);
  workers =
      int(std::min(groups, int64_t(std::bit_floor(unsigned(ranks.size())))));
  if (workers == 1)
    return computeGroups(0, groups, groups, count, add);
  const int64_t own = groups / workers, first = ranks.rank() * own;
  if (ranks.rank() < workers)
    computeGroups(first, first + own, groups, count, add);
}

// A binary counter: after group i the arena has the sum of as many groups as
// the largest power of two that divides i + 1.
void SharedSum::computeGroups(int64_t begin, int64_t end, int64_t groups,
                              int64_t count,
                              const std::function<void(int64_t)> &add) {
  for (int64_t group = begin; group < end; ++group) {
    executor.clearArena(arena);
    for (int64_t i = count * group / groups; i < count * (group + 1) / groups;
         ++i)
      add(i);
    size_t level = 0;
    for (; (group - begin) >> level & 1; ++level)
      addKept(level);
    if (group + 1 < end)
      keep(level);
  }
}

void SharedSum::keep(size_t level) {
  const int64_t bytes = executor.plan().arenas(arena).bytes();
  while (kept.size() <= level)
    kept.push_back(executor.device().allocate({bytes}).front());
  executor.device().copy(kept[level], executor.address(Extent{arena, 0, bytes}),
                         bytes);
}

void SharedSum::addKept(size_t level) {
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
void SharedSum::share() {
  if (workers == 1)
    return;
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
