#include "runtime/predict/GradientExchange.h"
#include "runtime/predict/Exchange.h"
#include "runtime/schedule/SumTable.h"

#include <algorithm>
#include <bit>

namespace pgrt {

namespace {

/// Lays the side stream beside a program.
class Predictor {
public:
  Predictor(const Machine &machine, int ranks, std::vector<Piece> program)
      : machine(machine), ranks(ranks), pieces(std::move(program)) {}

  void add(const GradientBucket &bucket, int64_t instanceSums) {
    firstOfBucket = true;
    for (int64_t i = 0; i < instanceSums; ++i)
      addSum(double(bucket.bytes()), int64_t(bucket.pieces.size()), 2);
    Exchange parts(ranks), sums(ranks);
    std::vector<double> added(static_cast<size_t>(ranks));
    std::vector<int64_t> counts(static_cast<size_t>(ranks));
    for (const GradientPiece &piece : bucket.pieces) {
      const double bytes = double(piece.extent.bytes);
      for (int rank = 0; rank < ranks; ++rank) {
        if (rank != piece.adder)
          parts.send(rank, piece.adder, bytes);
        if (piece.sumGoesTo(rank))
          sums.send(piece.adder, rank, bytes);
      }
      added[size_t(piece.adder)] += bytes;
      ++counts[size_t(piece.adder)];
    }
    const double most = *std::max_element(added.begin(), added.end());
    addExchange(parts);
    addSum(most, *std::max_element(counts.begin(), counts.end()), ranks);
    addExchange(sums);
    result.receivedBytes += most * (ranks - 1);
    result.buckets.push_back(double(bucket.bytes()));
  }

  /// `plain`, `signalling`: what the program takes by itself.
  GradientExchange finish(double plain, double signalling) {
    result.exposed = overlapPieces(pieces, machine).seconds - plain;
    result.signals = signalling - plain;
    return result;
  }

private:
  // The first of a bucket waits for the bucket's signal.
  void addPiece(const KernelTime &time) {
    Piece piece;
    piece.lane = machine.lanes;
    piece.time = time;
    for (size_t i = 0; firstOfBucket && i < pieces.size(); ++i)
      if (pieces[i].signal == int(result.buckets.size()))
        piece.waits.push_back(int(i));
    firstOfBucket = false;
    result.seconds += time.seconds;
    ++result.launches;
    pieces.push_back(std::move(piece));
  }

  void addExchange(const Exchange &exchange) {
    KernelTime time;
    time.seconds = exchange.seconds(machine);
    if (time.seconds == 0)
      return;
    // Of the GPU it takes what it reads and writes there.
    time.share = (exchange.mostSent() + exchange.mostReceived()) /
                 time.seconds / machine.memory;
    result.nvlink += exchange.mostSent();
    addPiece(time);
  }

  // What lies at the places is read, the sum is written.
  void addSum(double bytes, int64_t count, int places) {
    const int64_t ofLaunch = std::max<int64_t>(sumsOfLaunch(places), 1);
    for (int64_t done = 0; done < count; done += ofLaunch) {
      double own =
          bytes * double(std::min(ofLaunch, count - done)) / double(count);
      result.bytes += (places + 1) * own;
      result.flops += (places - 1) * own / 4;
      addPiece(predictTransfer((places + 1) * own, machine));
    }
  }

  const Machine &machine;
  const int ranks;
  std::vector<Piece> pieces;
  bool firstOfBucket = false;
  GradientExchange result;
};

} // namespace

GradientExchange predictGradientExchange(const plan::Plan &plan,
                                         const PlanTime &times,
                                         const plan::Program &train,
                                         const UpdateShards &shards,
                                         int64_t ownParts) {
  const Machine &machine = *times.machine;
  std::vector<GradientBucket> buckets = gradientBuckets(plan, train, shards);
  std::vector<Piece> signalling =
      layOut(plan, train, times.kernelTimes, machine, buckets);
  Predictor predictor(machine, times.ranks, signalling);
  for (const GradientBucket &bucket : buckets)
    predictor.add(bucket, lastSums(ownParts));
  return predictor.finish(
      overlapPieces(layOut(plan, train, times.kernelTimes, machine), machine)
          .seconds,
      overlapPieces(signalling, machine).seconds);
}

int64_t lastSums(int64_t ownParts) {
  return std::bit_width(uint64_t(ownParts)) - 1;
}

} // namespace pgrt
