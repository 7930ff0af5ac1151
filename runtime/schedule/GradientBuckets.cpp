#include "runtime/schedule/GradientBuckets.h"
#include "runtime/plan/PlanCheck.h"

#include <algorithm>
#include <limits>

namespace pgrt {

namespace {

// Gradients are cut at multiples of this.
constexpr int64_t grain = 256;

int64_t roundedUp(int64_t bytes) { return (bytes + grain - 1) / grain * grain; }

struct Finished {
  const UpdateShards::Gradient *gradient;
  int after;
};

/// When each command of a program ends, roughly.
std::vector<double> endsOf(const plan::Plan &plan, const plan::Program &program,
                           const BucketTimes &times) {
  std::vector<double> ends;
  double now = 0;
  for (const plan::Command &command : program.commands()) {
    double flops = 0, bytes = 0;
    if (command.has_launch()) {
      const plan::Kernel &kernel = plan.kernels(int(command.launch().kernel()));
      flops = kernel.flops();
      bytes = kernel.bytes();
    } else if (command.has_copy()) {
      bytes = 2 * double(command.copy().bytes());
    } else if (command.has_fill()) {
      bytes = double(command.fill().bytes());
    }
    now +=
        times.launch + std::max(flops * times.flop, bytes * times.memoryByte);
    ends.push_back(now);
  }
  return ends;
}

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

/// Finds where to cut. The exchange of gradients [begin, end) ends at
/// max(when the one before ended, when the last of them is there) + its time:
/// the earlier the one before ended, the earlier it ends.
class Cutter {
public:
  Cutter(const std::vector<Finished> &order, const std::vector<double> &ends,
         const BucketTimes &times)
      : times(times), bytesBefore{0} {
    for (const Finished &one : order) {
      there.push_back(ends.empty() ? 0 : ends[size_t(one.after)]);
      bytesBefore.push_back(bytesBefore.back() +
                            one.gradient->piece.extent.bytes);
    }
  }

  /// Where buckets begin, and the end of the last.
  std::vector<size_t> cuts() {
    const size_t count = there.size();
    if (count == 0)
      return {};
    // Of the first `end` gradients in so many buckets.
    struct Best {
      double seconds = std::numeric_limits<double>::infinity();
      size_t begin = 0; // of the last bucket
    };
    std::vector<std::vector<Best>> best(1, std::vector<Best>(count + 1));
    best[0][0].seconds = 0;
    size_t chosen = 0;
    double least = std::numeric_limits<double>::infinity();
    for (size_t buckets = 1; buckets <= size_t(mostBuckets); ++buckets) {
      std::vector<Best> &row = best.emplace_back(count + 1);
      for (size_t end = 1; end <= count; ++end)
        for (size_t begin = 0; begin < end; ++begin) {
          double seconds =
              std::max(best[buckets - 1][begin].seconds, there[end - 1]) +
              times.exchange(bytesBefore[end] - bytesBefore[begin]);
          if (seconds < row[end].seconds)
            row[end] = {seconds, begin};
        }
      double cost = row[count].seconds + double(buckets) * times.bucket;
      if (cost < least) {
        least = cost;
        chosen = buckets;
      }
    }
    std::vector<size_t> found = {count};
    for (; chosen > 0; --chosen)
      found.push_back(best[chosen][found.back()].begin);
    std::reverse(found.begin(), found.end());
    return found;
  }

private:
  const BucketTimes &times;
  std::vector<double> there; // when each gradient is
  std::vector<int64_t> bytesBefore;
};

/// Chooses who adds what of one bucket.
class Spreader {
public:
  /// `bytes`: that all ranks together have room for.
  Spreader(int ranks, int64_t bytes)
      : share(roundedUp(bytes / ranks + 1)), room(size_t(ranks), share) {}

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
                      rank,
                      gradient.forAll});
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
                                            const BucketTimes &times) {
  std::vector<Finished> order = inOrder(plan, train, shards);
  std::vector<GradientBucket> buckets;
  const std::vector<size_t> cuts =
      times.inOne ? std::vector<size_t>{0, order.size()}
                  : Cutter(order, endsOf(plan, train, times), times).cuts();
  for (size_t i = 1; i < cuts.size(); ++i) {
    GradientBucket &bucket = buckets.emplace_back();
    int64_t bytes = 0;
    for (size_t one = cuts[i - 1]; one < cuts[i]; ++one)
      bytes += order[one].gradient->piece.extent.bytes;
    const double free =
        times.inOne ? double(bytes) * shards.ranks() : times.start / times.byte;
    Spreader spreader(shards.ranks(), std::max(bytes, int64_t(free)));
    for (size_t one = cuts[i - 1]; one < cuts[i]; ++one) {
      bucket.after = order[one].after;
      spreader.spread(*order[one].gradient, bucket.pieces);
    }
  }
  return buckets;
}

} // namespace pgrt
