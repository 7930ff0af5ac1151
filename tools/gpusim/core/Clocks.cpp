#include "tools/gpusim/core/Clocks.h"

#include <algorithm>

namespace gpusim {

void Clocks::raise(uint32_t agent, uint32_t clock, uint32_t asyncClock) {
  if (agent >= vc.size()) {
    vc.resize(agent + 1, 0);
    avc.resize(agent + 1, 0);
  }
  vc[agent] = std::max(vc[agent], clock);
  avc[agent] = std::max(avc[agent], asyncClock);
}

void Clocks::join(const Clocks &other) {
  if (other.vc.size() > vc.size()) {
    vc.resize(other.vc.size(), 0);
    avc.resize(other.vc.size(), 0);
  }
  for (size_t i = 0; i < other.vc.size(); ++i) {
    vc[i] = std::max(vc[i], other.vc[i]);
    avc[i] = std::max(avc[i], other.avc[i]);
  }
}

void Meeting::release(ThreadClock &thread) {
  if (thread.past != last) {
    sum.join(*thread.past);
    last = thread.past;
  }
  sum.raise(thread.id, thread.own, thread.ownAsync);
  ++thread.own;
}

void Meeting::raise(uint32_t agent, uint32_t clock) {
  sum.raise(agent, clock, clock);
}

Snapshot Meeting::seal() {
  auto sealed = std::make_shared<const Clocks>(std::move(sum));
  sum = Clocks();
  last.reset();
  return sealed;
}

// Threads that act together share their pasts: the last result is often the
// next one too. Kept by value of the pointers, alive while they are here.
namespace {
struct Memo {
  Snapshot from, what, result;
  uint32_t agent = 0, clock = 0;
};
thread_local Memo joinMemo, agentMemo, fenceMemo;
} // namespace

void acquire(ThreadClock &thread, const Snapshot &what, bool contributed) {
  if (thread.past == what || !what)
    return;
  if (contributed) {
    thread.past = what;
    return;
  }
  Memo &memo = joinMemo;
  if (memo.from != thread.past || memo.what != what) {
    auto joined = std::make_shared<Clocks>(*thread.past);
    joined->join(*what);
    memo = {thread.past, what, joined, 0, 0};
  }
  thread.past = memo.result;
}

void acquireAgent(ThreadClock &thread, uint32_t agent, uint32_t clock) {
  if (thread.past->of(agent) >= clock)
    return;
  Memo &memo = agentMemo;
  if (memo.from != thread.past || memo.agent != agent || memo.clock != clock) {
    auto raised = std::make_shared<Clocks>(*thread.past);
    raised->raise(agent, clock, 0);
    memo = {thread.past, nullptr, raised, agent, clock};
  }
  thread.past = memo.result;
}

void proxyFence(ThreadClock &thread) {
  Memo &memo = fenceMemo;
  if (memo.from != thread.past) {
    auto fenced = std::make_shared<Clocks>(*thread.past);
    fenced->avc = fenced->vc;
    memo = {thread.past, nullptr, fenced, 0, 0};
  }
  thread.past = memo.result;
  thread.ownAsync = thread.own++;
}

} // namespace gpusim
