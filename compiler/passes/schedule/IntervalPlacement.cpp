#include "compiler/passes/schedule/IntervalPlacement.h"
#include "compiler/passes/schedule/Layout.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace pgc {

/// What a buffer takes. Large ones get a little more, an odd number of cache
/// lines beyond whole pages: kernels go through many buffers of one size side
/// by side, and if those lay a power of 2 apart, their elements would fight for
/// one set of the caches.
static int64_t getRoom(int64_t bytes) {
  constexpr int64_t page = 4096, lines = 9;
  return bytes < 4 * page
             ? alignBuffer(bytes)
             : llvm::alignTo(bytes, page) + lines * bufferAlignment;
}

int64_t placeIntervals(llvm::MutableArrayRef<Interval> intervals) {
  llvm::SmallVector<Interval *> order;
  for (Interval &interval : intervals)
    order.push_back(&interval);
  // Ties in the order given: an address in the array is a number of it.
  llvm::sort(order, [](Interval *a, Interval *b) {
    return a->bytes != b->bytes ? a->bytes > b->bytes : a < b;
  });

  int64_t total = 0;
  llvm::SmallVector<Interval *> placed,
      neighbours; // `placed` stays sorted by offset
  for (Interval *interval : order) {
    neighbours.clear();
    llvm::copy_if(placed, std::back_inserter(neighbours),
                  [&](Interval *p) { return p->alive(*interval); });
    int64_t size = getRoom(interval->bytes), bestGap = INT64_MAX, end = 0;
    interval->offset = -1;
    for (Interval *neighbour : neighbours) {
      int64_t gap = neighbour->offset - end;
      if (gap >= size && gap < bestGap) {
        bestGap = gap;
        interval->offset = end;
      }
      end = std::max(end, neighbour->offset + getRoom(neighbour->bytes));
    }
    if (interval->offset < 0)
      interval->offset = end;
    total = std::max(total, interval->offset + size);
    auto at = llvm::upper_bound(placed, interval, [](Interval *a, Interval *b) {
      return a->offset < b->offset;
    });
    placed.insert(at, interval);
  }
  return total;
}

int64_t peakOfIntervals(llvm::ArrayRef<Interval> intervals) {
  llvm::SmallVector<std::pair<int64_t, int64_t>>
      changes; // time, bytes; frees come first at equal times
  for (const Interval &interval : intervals) {
    changes.push_back({interval.first, getRoom(interval.bytes)});
    changes.push_back({interval.last + 1, -getRoom(interval.bytes)});
  }
  llvm::sort(changes);
  int64_t now = 0, peak = 0;
  for (auto [time, bytes] : changes)
    peak = std::max(peak, now += bytes);
  return peak;
}

} // namespace pgc
