// When which gradients are exchanged, and which rank adds what.
#pragma once

#include "runtime/schedule/UpdateShards.h"

namespace pgrt {

/// A piece of a gradient: all ranks send theirs to `adder`, which adds them and
/// sends the sum to `owner`, unless it is the owner.
struct GradientPiece {
  Extent extent;
  plan::Type type;
  int owner, adder;
};

/// What is exchanged at once, as soon as a train program is done with it.
struct GradientBucket {
  int after = 0; // the program's last command that touches it, by index
  std::vector<GradientPiece> pieces;
  int64_t bytes() const;
};

/// Transfers of so many bytes take as long as starting them, roughly: between
/// GPUs, by NVLink.
inline constexpr int64_t worthwhileBytes = int64_t(8) << 20;

/// Cuts the gradients into buckets, in the order in which `train` is done with
/// them. Only the last bucket's exchange does not hide behind the rest of the
/// program, so it is to be small: the last gradients that together have
/// `smallest` bytes. Each bucket before has four times the bytes of the one
/// after it, since programs take longer for a byte of gradients than exchanges
/// do; the first has what is left. So there are few, which cost a launch or two
/// each.
///
/// A bucket's sums are spread evenly over ranks, whoever owns its gradients
/// (the last may be one large gradient), except that what is small stays with
/// its owner, up to `smallest` bytes on all ranks together.
std::vector<GradientBucket> gradientBuckets(const plan::Plan &plan,
                                            const plan::Program &train,
                                            const UpdateShards &shards,
                                            int64_t smallest);

} // namespace pgrt
