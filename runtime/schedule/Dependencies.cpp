#include "runtime/schedule/Dependencies.h"

#include <algorithm>

namespace pgrt {

void Dependencies::cut(uint64_t at) {
  auto after = segments.lower_bound(at);
  if (after == segments.begin())
    return;
  auto before = std::prev(after);
  if (before->first >= at || before->second.end <= at)
    return;
  Segment upper = before->second;
  before->second.end = at;
  segments.emplace_hint(after, at, std::move(upper));
}

std::pair<Dependencies::Segments::iterator, Dependencies::Segments::iterator>
Dependencies::cover(MemoryRange range) {
  cut(range.begin);
  cut(range.end);
  auto first = segments.lower_bound(range.begin);
  uint64_t at = range.begin;
  for (auto next = first; at < range.end;) {
    uint64_t free =
        next == segments.end() ? range.end : std::min(next->first, range.end);
    if (at < free) {
      auto made = segments.emplace_hint(next, at, Segment{free, -1, {}});
      if (at == range.begin)
        first = made;
      at = free;
    } else {
      at = next->second.end;
      ++next;
    }
  }
  return {first, segments.lower_bound(range.end)};
}

std::vector<int> Dependencies::add(const std::vector<MemoryRange> &reads,
                                   const std::vector<MemoryRange> &writes) {
  const int work = count++;
  std::vector<int> before;
  for (const MemoryRange &range : reads) {
    if (range.begin >= range.end)
      continue;
    auto [segment, end] = cover(range);
    for (; segment != end; ++segment) {
      before.push_back(segment->second.writer);
      segment->second.readers.push_back(work);
    }
  }
  for (const MemoryRange &range : writes) {
    if (range.begin >= range.end)
      continue;
    auto [segment, end] = cover(range);
    for (; segment != end; ++segment) {
      before.push_back(segment->second.writer);
      before.insert(before.end(), segment->second.readers.begin(),
                    segment->second.readers.end());
      segment->second.writer = work;
      segment->second.readers.clear();
    }
  }
  std::sort(before.begin(), before.end());
  before.erase(std::unique(before.begin(), before.end()), before.end());
  std::erase_if(before, [&](int other) { return other < 0 || other == work; });
  return before;
}

} // namespace pgrt
