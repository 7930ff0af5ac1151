// When which gradients are exchanged, and which rank adds what.
#pragma once

#include "runtime/schedule/UpdateShards.h"

namespace pgrt {

/// A piece of a gradient: all ranks send theirs to `adder`, which adds them and
/// sends the sum to `owner`, unless it is the owner; or to all.
struct GradientPiece {
  Extent extent;
  plan::Type type;
  int owner, adder;
  bool forAll = false;

  bool sumGoesTo(int rank) const {
    return rank != adder && (forAll || rank == owner);
  }
};

/// What is exchanged at once, as soon as a train program is done with it.
struct GradientBucket {
  int after = 0; // the program's last command that touches it, by index
  std::vector<GradientPiece> pieces;
  int64_t bytes() const;
};

/// Rough times in seconds, by which buckets are cut: the same on all ranks. As
/// they are on H100s; predict/H100.cpp has their sources.
struct BucketTimes {
  double start = 40e-6;     // of an exchange
  double byte = 1 / 180e9;  // that a rank sends or receives
  double launch = 3e-6;     // of a program's command, besides:
  double flop = 1 / 400e12; // or, if it takes longer,
  double memoryByte = 1 / 2.8e12;
  double bucket = 10e-6; // that one bucket more has to bring
  bool inOne = false;    // all gradients are one bucket

  /// A bucket's two exchanges: to those that add it, and of sums.
  double exchange(int64_t bytes) const {
    return 2 * (start + double(bytes) * byte);
  }
};

/// Cuts the gradients into buckets, in the order in which `train` is done with
/// them, so that the exchange of the last ends as early as may be: buckets are
/// exchanged one after the other, none before its last gradient is there. At
/// most `mostBuckets`: each costs a launch or two.
///
/// A bucket's sums are spread evenly over ranks, whoever owns its gradients
/// (the last may be one large gradient), except that each rank adds what it
/// owns as far as an exchange would take longer to start than to send it.
std::vector<GradientBucket> gradientBuckets(const plan::Plan &plan,
                                            const plan::Program &train,
                                            const UpdateShards &shards,
                                            const BucketTimes &times = {});

inline constexpr int mostBuckets = 6;

} // namespace pgrt
