#include "runtime/plan/Extents.h"
#include "runtime/plan/PlanCheck.h"

#include <algorithm>

namespace pgrt {

void forEachSlot(
    const plan::Plan &plan, const plan::Program &program,
    const std::function<void(const plan::Slot &, int64_t)> &visit) {
  for (const auto *ports : {&program.inputs(), &program.outputs()})
    for (const plan::Port &port : *ports)
      visit(port.slot(), port.bytes());
  for (const plan::Command &command : program.commands()) {
    if (command.has_launch()) {
      const plan::Launch &launch = command.launch();
      const plan::Kernel &kernel = plan.kernels(int(launch.kernel()));
      for (int i = 0; i < launch.buffers_size(); ++i)
        visit(launch.buffers(i), kernel.buffer_bytes(i));
    }
    if (command.has_copy()) {
      visit(command.copy().from(), command.copy().bytes());
      visit(command.copy().to(), command.copy().bytes());
    }
    if (command.has_fill())
      visit(command.fill().to(), command.fill().bytes());
    if (command.has_gptq()) {
      const plan::Gptq &gptq = command.gptq();
      const int64_t size = typeBytes(gptq.type());
      visit(gptq.weight(), gptq.rows() * gptq.cols() * size);
      visit(gptq.hessian(), gptq.cols() * gptq.cols() * size);
      visit(gptq.scale(), gptq.rows() * size);
      visit(gptq.codes(), gptq.rows() * gptq.cols() * size);
    }
    if (command.has_svd()) {
      const plan::Svd &svd = command.svd();
      const int64_t size = typeBytes(svd.type());
      visit(svd.matrix(), svd.rows() * svd.cols() * size);
      visit(svd.u(), svd.rows() * svd.rank() * size);
      visit(svd.s(), svd.rank() * size);
      visit(svd.v(), svd.rank() * svd.cols() * size);
    }
  }
}

std::set<int> arenasTouched(const plan::Plan &plan,
                            const plan::Program &program) {
  std::set<int> arenas;
  forEachSlot(plan, program, [&](const plan::Slot &slot, int64_t) {
    arenas.insert(int(slot.arena()));
  });
  return arenas;
}

void Extents::add(const plan::Plan &plan, const plan::Program &program) {
  forEachSlot(plan, program, [&](const plan::Slot &slot, int64_t bytes) {
    std::map<int64_t, int64_t> &of = ranges[int(slot.arena())];
    int64_t begin = slot.offset(), end = begin + bytes;
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
