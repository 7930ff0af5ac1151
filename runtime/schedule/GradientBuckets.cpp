#include "runtime/schedule/GradientBuckets.h"
#include "runtime/plan/PlanCheck.h"

#include <algorithm>

namespace pgrt {

namespace {

constexpr int64_t growth = 4;

// Gradients are cut at multiples of this.
constexpr int64_t grain = 256;

int64_t roundedUp(int64_t bytes) { return (bytes + grain - 1) / grain * grain; }

struct Finished {
  const UpdateShards::Gradient *gradient;
  int after;
};

/// The gradients in the order in which the program is done with them; those
/// that it does not touch come first.
std::vector<Finished> inOrder(const plan::Plan &plan,
                              const plan::Program &train,
                              const UpdateShards &shards) {
  ExtentMap touched;
  for (int i = 0; i < train.commands_size(); ++i) {
    const Accesses accesses = accessesOf(plan, train.commands(i));
    for (const auto *extents : {&accesses.reads, &accesses.writes})
      for (const Extent &extent : *extents)
        if (extent.arena == gradientArena(plan))
          touched.set(extent, i);
  }
  std::vector<Finished> order;
  for (const UpdateShards::Gradient &gradient : shards.gradients()) {
    int after = 0;
    touched.visit(gradient.piece.extent, [&](const Extent &, int command) {
      after = std::max(after, command);
    });
    order.push_back({&gradient, after});
  }
  auto key = [](const Finished &one) {
    return std::pair(one.after, one.gradient->piece.extent.begin);
  };
  std::sort(
      order.begin(), order.end(),
      [&](const Finished &a, const Finished &b) { return key(a) < key(b); });
  return order;
}

/// Chooses who adds what of one bucket.
class Spreader {
public:
  Spreader(int ranks, int64_t bytes, int64_t smallest)
      : share(roundedUp(std::max(bytes, smallest) / ranks + 1)),
        room(size_t(ranks), share) {}

  void spread(const UpdateShards::Gradient &gradient,
              std::vector<GradientPiece> &pieces) {
    const auto &[owner, extent] = gradient.piece;
    const bool small = extent.bytes <= share / 16;
    int64_t done = take(gradient, 0, owner, small ? extent.bytes : 0, pieces);
    for (int rank = 0; done < extent.bytes && rank < int(room.size()); ++rank)
      done += take(gradient, done, rank, 0, pieces);
    if (done < extent.bytes)
      take(gradient, done, owner, extent.bytes, pieces);
  }

private:
  /// Gives the rank what it has room for, or `least`, of the gradient from
  /// `begin` on. Returns how many bytes.
  int64_t take(const UpdateShards::Gradient &gradient, int64_t begin, int rank,
               int64_t least, std::vector<GradientPiece> &pieces) {
    const Extent &whole = gradient.piece.extent;
    int64_t &left = room[size_t(rank)];
    int64_t bytes = std::min(whole.bytes - begin, std::max(left, least));
    if (bytes <= 0)
      return 0;
    left = std::max<int64_t>(0, left - roundedUp(bytes));
    pieces.push_back({{whole.arena, whole.begin + begin, bytes},
                      gradient.type,
                      gradient.piece.owner,
                      rank});
    return bytes;
  }

  const int64_t share;
  std::vector<int64_t> room; // of each rank; multiples of the grain
};

} // namespace

int64_t GradientBucket::bytes() const {
  int64_t sum = 0;
  for (const GradientPiece &piece : pieces)
    sum += piece.extent.bytes;
  return sum;
}

std::vector<GradientBucket> gradientBuckets(const plan::Plan &plan,
                                            const plan::Program &train,
                                            const UpdateShards &shards,
                                            int64_t smallest) {
  std::vector<Finished> order = inOrder(plan, train, shards);
  std::vector<GradientBucket> buckets;
  int64_t least = smallest;
  for (auto end = order.end(); end != order.begin();) {
    auto begin = end;
    int64_t bytes = 0;
    // What is done at once belongs together.
    while (begin != order.begin() &&
           (bytes < least || std::prev(begin)->after == begin->after))
      bytes += (--begin)->gradient->piece.extent.bytes;
    GradientBucket bucket;
    bucket.after = std::prev(end)->after;
    Spreader spreader(shards.ranks(), bytes, smallest);
    for (auto one = begin; one != end; ++one)
      spreader.spread(*one->gradient, bucket.pieces);
    buckets.push_back(std::move(bucket));
    least = growth * bytes;
    end = begin;
  }
  std::reverse(buckets.begin(), buckets.end());
  return buckets;
}

} // namespace pgrt
