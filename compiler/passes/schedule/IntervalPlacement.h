// Places buffers with known lifetimes in one block of memory.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>

namespace pgc {

/// A buffer that is alive from time `first` to time `last`, both included.
struct Interval {
  int64_t bytes = 0;
  int64_t first = 0;
  int64_t last = 0;
  int64_t offset = 0; // the result

  bool alive(const Interval &other) const {
    return first <= other.last && other.first <= last;
  }
};

/// Sets every `offset`, a multiple of 64, so that no two buffers overlap while
/// both are alive. Returns the bytes that are needed. Greedy: the largest
/// first, each in the smallest gap that takes it.
int64_t placeIntervals(llvm::MutableArrayRef<Interval> intervals);

/// The most bytes that are alive at one time: what no placement can go below.
int64_t peakOfIntervals(llvm::ArrayRef<Interval> intervals);

} // namespace pgc
