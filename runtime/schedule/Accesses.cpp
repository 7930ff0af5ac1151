#include "runtime/schedule/Accesses.h"
#include "runtime/plan/PlanCheck.h"

#include <algorithm>
#include <optional>

namespace pgrt {

Accesses accessesOf(const plan::Plan &plan, const plan::Command &command) {
  Accesses accesses;
  auto extent = [](const plan::Slot &slot, int64_t bytes) {
    return Extent{int(slot.arena()), slot.offset(), bytes};
  };
  auto reads = [&](const plan::Slot &slot, int64_t bytes) {
    accesses.reads.push_back(extent(slot, bytes));
  };
  auto writes = [&](const plan::Slot &slot, int64_t bytes) {
    accesses.writes.push_back(extent(slot, bytes));
  };
  switch (command.kind_case()) {
  case plan::Command::kLaunch: {
    const plan::Launch &launch = command.launch();
    const plan::Kernel &kernel = plan.kernels(int(launch.kernel()));
    const int operands = launch.buffers_size() - int(kernel.results());
    for (int i = 0; i < launch.buffers_size(); ++i) {
      const plan::Slot &slot = launch.buffers(i);
      if (i < operands || keepsContents(plan, int(slot.arena())))
        reads(slot, kernel.buffer_bytes(i));
      if (i >= operands)
        writes(slot, kernel.buffer_bytes(i));
    }
    break;
  }
  case plan::Command::kCopy:
    reads(command.copy().from(), command.copy().bytes());
    writes(command.copy().to(), command.copy().bytes());
    break;
  case plan::Command::kFill:
    writes(command.fill().to(), command.fill().bytes());
    break;
  case plan::Command::kGptq: {
    const plan::Gptq &gptq = command.gptq();
    const int64_t size = typeBytes(gptq.type()), rows = gptq.rows(),
                  cols = gptq.cols();
    reads(gptq.weight(), rows * cols * size);
    reads(gptq.hessian(), cols * cols * size);
    reads(gptq.scale(), rows * size);
    writes(gptq.codes(), rows * cols * size);
    break;
  }
  case plan::Command::kSvd: {
    const plan::Svd &svd = command.svd();
    const int64_t size = typeBytes(svd.type());
    reads(svd.matrix(), svd.rows() * svd.cols() * size);
    writes(svd.u(), svd.rows() * svd.rank() * size);
    writes(svd.s(), svd.rank() * size);
    writes(svd.v(), svd.cols() * svd.rank() * size);
    break;
  }
  default:
    break;
  }
  return accesses;
}

void ExtentMap::set(const Extent &extent, int value) {
  if (extent.bytes <= 0)
    return;
  std::map<int64_t, Piece> &pieces = arenas[extent.arena];
  // Cut what crosses either end.
  for (int64_t at : {extent.begin, extent.end()}) {
    auto after = pieces.upper_bound(at);
    if (after == pieces.begin())
      continue;
    auto over = std::prev(after);
    if (over->first < at && over->second.end > at) {
      pieces[at] = over->second;
      over->second.end = at;
    }
  }
  pieces.erase(pieces.lower_bound(extent.begin),
               pieces.lower_bound(extent.end()));
  if (value != everywhere)
    pieces[extent.begin] = {extent.end(), value};
}

void ExtentMap::visit(
    const Extent &extent,
    const std::function<void(const Extent &, int)> &visit) const {
  auto found = arenas.find(extent.arena);
  if (found == arenas.end() || extent.bytes <= 0)
    return;
  const std::map<int64_t, Piece> &pieces = found->second;
  auto piece = pieces.upper_bound(extent.begin);
  if (piece != pieces.begin() && std::prev(piece)->second.end > extent.begin)
    --piece;
  std::optional<std::pair<Extent, int>> pending;
  for (; piece != pieces.end() && piece->first < extent.end(); ++piece) {
    int64_t begin = std::max(extent.begin, piece->first),
            end = std::min(extent.end(), piece->second.end);
    if (pending && pending->second == piece->second.value &&
        pending->first.end() == begin) {
      pending->first.bytes += end - begin;
      continue;
    }
    if (pending)
      visit(pending->first, pending->second);
    pending = {{extent.arena, begin, end - begin}, piece->second.value};
  }
  if (pending)
    visit(pending->first, pending->second);
}

void ExtentMap::visitAll(
    const std::function<void(const Extent &, int)> &visitor) const {
  for (const auto &[arena, pieces] : arenas)
    if (!pieces.empty())
      visit({arena, 0, pieces.rbegin()->second.end}, visitor);
}

} // namespace pgrt
