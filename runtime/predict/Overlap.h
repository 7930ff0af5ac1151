// What a program takes when independent pieces of it run side by side.
#pragma once

#include "runtime/plan/plan.pb.h"
#include "runtime/predict/KernelTime.h"
#include "runtime/schedule/GradientBuckets.h"

#include <span>

namespace pgrt {

/// A node of a program's graph.
struct Piece {
  int lane = 0;
  std::vector<int> waits; // pieces of other lanes that must be done before
  KernelTime time;
  int signal = -1; // that it gives: of that bucket
};

struct Overlap {
  double seconds = 0;  // until all are done
  double critical = 0; // of the longest chain, had each the GPU for itself
  int lanes = 0;       // in use
};

/// Lanes run their pieces in order. The gap and ramp of a piece pass whatever
/// else runs; after them those that run at the same time share the GPU: if
/// together they would take more than all of it, each is slowed by the same
/// factor.
Overlap overlapPieces(const std::vector<Piece> &pieces, const Machine &machine);

/// The nodes of a program as the runtime lays them out (schedule/Lanes.h): what
/// touches the same memory keeps its order. `times`: of all kernels. With a
/// node for the signal of each of these buckets, which takes as long as one
/// that does nothing.
std::vector<Piece> layOut(const plan::Plan &plan, const plan::Program &program,
                          const std::vector<KernelTime> &times,
                          const Machine &machine,
                          std::span<const GradientBucket> buckets = {});

} // namespace pgrt
