// Buffers that are alive together do not overlap, and little memory is lost.
#include "compiler/passes/schedule/IntervalPlacement.h"
#include "gtest/gtest.h"

#include <random>
#include <vector>

using pgc::Interval;

namespace {

/// Asserts that the placement is legal, and returns its size.
int64_t placeAndCheck(std::vector<Interval> &intervals) {
  int64_t total = pgc::placeIntervals(intervals);
  for (size_t i = 0; i < intervals.size(); ++i) {
    const Interval &a = intervals[i];
    EXPECT_EQ(a.offset % 64, 0);
    EXPECT_GE(a.offset, 0);
    EXPECT_LE(a.offset + a.bytes, total);
    for (size_t j = 0; j < i; ++j) {
      const Interval &b = intervals[j];
      bool overlaps =
          a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
      EXPECT_FALSE(a.alive(b) && overlaps) << "buffers " << i << " and " << j;
    }
  }
  return total;
}

TEST(IntervalPlacement, Nothing) {
  std::vector<Interval> none;
  EXPECT_EQ(placeAndCheck(none), 0);
  EXPECT_EQ(pgc::peakOfIntervals(none), 0);
}

TEST(IntervalPlacement, SharesMemoryInTime) {
  std::vector<Interval> intervals = {{100, 0, 1}, {128, 2, 3}, {1, 1, 2}};
  EXPECT_EQ(placeAndCheck(intervals), 192);
  EXPECT_EQ(pgc::peakOfIntervals(intervals), 192);
  EXPECT_EQ(intervals[0].offset, intervals[1].offset);
}

// Both ends count: what dies at a time and what is born at it are alive
// together.
TEST(IntervalPlacement, EndsAreIncluded) {
  std::vector<Interval> intervals = {{64, 0, 1}, {64, 1, 2}};
  EXPECT_EQ(placeAndCheck(intervals), 128);
}

TEST(IntervalPlacement, TakesTheSmallestGap) {
  // Around time 5, gaps of 128 and 64 bytes are free between buffers that live
  // on.
  std::vector<Interval> intervals = {
      {1024, 0, 9}, {512, 0, 3}, {256, 0, 9}, {64, 5, 6}, {512, 5, 6}};
  EXPECT_EQ(placeAndCheck(intervals), 1024 + 512 + 256 + 64);
}

TEST(IntervalPlacement, RandomIsLegalAndClose) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Interval> intervals(120);
    for (Interval &interval : intervals) {
      interval.bytes = 1 + random() % 5000;
      interval.first = random() % 200;
      interval.last = interval.first + random() % 30;
    }
    int64_t total = placeAndCheck(intervals),
            peak = pgc::peakOfIntervals(intervals);
    EXPECT_GE(total, peak);
    EXPECT_LE(total, peak * 1.4);
  }
}

} // namespace
