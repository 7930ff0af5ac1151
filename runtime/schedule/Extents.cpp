#include "runtime/schedule/Extents.h"
#include "runtime/schedule/Accesses.h"

#include <algorithm>
#include <functional>

namespace pgrt {

static void forEachExtent(const plan::Plan &plan, const plan::Program &program,
                          const std::function<void(const Extent &)> &visit) {
  for (const auto *ports : {&program.inputs(), &program.outputs()})
    for (const plan::Port &port : *ports)
      visit({int(port.slot().arena()), port.slot().offset(), port.bytes()});
  for (const plan::Command &command : program.commands()) {
    Accesses accesses = accessesOf(plan, command);
    for (const auto *extents : {&accesses.reads, &accesses.writes})
      for (const Extent &extent : *extents)
        visit(extent);
  }
}

std::set<int> arenasTouched(const plan::Plan &plan,
                            const plan::Program &program) {
  std::set<int> arenas;
  forEachExtent(plan, program,
                [&](const Extent &extent) { arenas.insert(extent.arena); });
  return arenas;
}

void Extents::add(const plan::Plan &plan, const plan::Program &program) {
  forEachExtent(plan, program, [&](const Extent &extent) {
    std::map<int64_t, int64_t> &of = ranges[extent.arena];
    int64_t begin = extent.begin, end = extent.end();
    auto next = of.upper_bound(begin);
    if (next != of.begin() && std::prev(next)->second >= begin)
      --next;
    while (next != of.end() && next->first <= end) {
      begin = std::min(begin, next->first);
      end = std::max(end, next->second);
      next = of.erase(next);
    }
    of[begin] = end;
  });
}

int64_t Extents::bytes(int arena) const {
  auto found = ranges.find(arena);
  int64_t sum = 0;
  if (found != ranges.end())
    for (const auto &[begin, end] : found->second)
      sum += end - begin;
  return sum;
}

} // namespace pgrt
