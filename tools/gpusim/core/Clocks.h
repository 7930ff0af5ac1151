// Happens-before by vector clocks. Threads and asynchronous agents (a
// warpgroup's wgmma, the copies that complete on one mbarrier, a thread's bulk
// groups) each have a component; threads that met at a barrier share one
// vector, so that meeting costs one pass and not one a thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace gpusim {

/// What is ordered before a point: for each agent the clock up to which its
/// accesses are ordered before it (vc), and up to which its writes by the
/// generic proxy are visible to the asynchronous one as well (avc).
struct Clocks {
  std::vector<uint32_t> vc, avc;
  uint32_t of(uint32_t agent) const {
    return agent < vc.size() ? vc[agent] : 0;
  }
  uint32_t asyncOf(uint32_t agent) const {
    return agent < avc.size() ? avc[agent] : 0;
  }
  void raise(uint32_t agent, uint32_t clock, uint32_t asyncClock);
  void join(const Clocks &other);
};
using Snapshot = std::shared_ptr<const Clocks>;

/// The time of one thread: a shared past, and its own clock.
struct ThreadClock {
  Snapshot past;
  uint32_t id = 0, own = 1, ownAsync = 0;

  bool ordered(uint32_t agent, uint32_t clock) const {
    return agent == id ? clock <= own : past->of(agent) >= clock;
  }
  bool visibleToAsync(uint32_t agent, uint32_t clock) const {
    return agent == id ? clock <= ownAsync : past->asyncOf(agent) >= clock;
  }
};

/// Collects what several threads release.
class Meeting {
public:
  /// The thread's accesses so far are released; its later ones are not.
  void release(ThreadClock &thread);
  void raise(uint32_t agent, uint32_t clock);
  /// What was collected; the collection starts anew.
  Snapshot seal();

private:
  Clocks sum;
  Snapshot last;
};

/// The thread acquires `what`. `contributed`: it released into it itself.
void acquire(ThreadClock &thread, const Snapshot &what, bool contributed);
/// The thread learns that the agent's accesses up to that clock are done.
void acquireAgent(ThreadClock &thread, uint32_t agent, uint32_t clock);
/// fence.proxy.async: what is ordered before it is visible to the asynchronous
/// proxy from here on.
void proxyFence(ThreadClock &thread);

} // namespace gpusim
