// Barriers of a block (bar, barrier) and of a cluster (barrier.cluster).
#include "tools/gpusim/isa/Values.h"

namespace gpusim {

void warpBarrierRule(Build &b); // WarpOps.cpp

namespace {

enum What { Sync, Arrive, Reduce };

// ops: barrier, count, [d, predicate]. mods: 0 what, 1 with a count, 2 the
// reduction.
void barrier(Warp &warp, const Instr &instr, uint32_t mask) {
  // Whole warps arrive. A warp that is apart waits for itself first.
  if (!warp.together(mask, warp.live, "a barrier"))
    return;
  size_t first = instr.mods[0] == Reduce ? 1 : 0;
  int lane = __builtin_ctz(mask);
  uint64_t number = warp.source(instr.ops[first])[lane];
  uint32_t count =
      instr.mods[1] ? uint32_t(warp.source(instr.ops[first + 1])[lane]) : 0;
  if (number > 15)
    warp.fail(FaultKind::Barrier, lane,
              "there is no barrier " + std::to_string(number));
  if (instr.mods[1] && (!count || count % 32))
    warp.fail(FaultKind::Barrier, lane,
              std::to_string(count) + " threads are not whole warps");
  BlockBarrier &at = warp.cta.barriers[number];
  if (at.arrived && at.expected != count)
    warp.fail(FaultKind::Barrier, lane,
              "barrier " + std::to_string(number) + " is used for " +
                  std::to_string(count) +
                  " threads, but others wait there for " +
                  std::to_string(at.expected) + " (0: all)");
  at.expected = count;
  lanes(mask, [&](int l) {
    at.meeting.release(warp.clocks[l]);
    if (instr.mods[0] == Reduce) {
      bool yes = warp.predicate(instr.ops[first + 2], l);
      at.count += yes;
      at.all &= yes;
      at.any |= yes;
    }
  });
  at.arrived += 32;
  ++warp.cta.cluster.events;
  if (count && at.arrived > count)
    warp.fail(FaultKind::Barrier, lane,
              "more threads arrive at barrier " + std::to_string(number) +
                  " than it counts");
  if (instr.mods[0] != Arrive) {
    LaneGroup &group = warp.group();
    group.wait = Wait::Block;
    group.barrier = int(number);
    group.generation = at.generation;
  }
  warp.cta.settle(at);
}

// bar.red: its result is read when the barrier is done, by a second
// instruction that the rule cannot add; so the warp waits here first and runs
// again. mods[3] is not used by others.
void reduction(Warp &warp, const Instr &instr, uint32_t mask) {
  BlockBarrier &at =
      warp.cta.barriers[warp.source(instr.ops[1])[__builtin_ctz(mask)] & 15];
  LaneGroup &group = warp.group();
  if (!group.wanted) { // first time
    barrier(warp, instr, mask);
    if (warp.group().wait == Wait::Block) {
      warp.group().wanted = 1;
      --warp.group().pc;
    }
    return;
  }
  group.wanted = 0;
  uint64_t *d = warp.reg(instr.ops[0].slot);
  uint64_t result = instr.mods[2] == 0   ? at.lastCount
                    : instr.mods[2] == 1 ? at.lastAll
                                         : at.lastAny;
  lanes(mask, [&](int l) { d[l] = result; });
}

void clusterArrive(Warp &warp, const Instr &, uint32_t mask) {
  Cluster &cluster = warp.cta.cluster;
  BlockBarrier &at = cluster.barrier;
  lanes(mask, [&](int l) { at.meeting.release(warp.clocks[l]); });
  at.arrived += uint32_t(__builtin_popcount(mask));
  ++cluster.events;
  uint32_t expected = uint32_t(cluster.ctas.size()) * cluster.threadsPerCta();
  if (at.arrived < expected)
    return;
  at.released = at.meeting.seal();
  at.arrived = 0;
  ++at.generation;
}

// The generation that a warp waits to see: one more than it has seen.
void clusterWait(Warp &warp, const Instr &, uint32_t mask) {
  if (!warp.together(mask, warp.live, "barrier.cluster.wait"))
    return;
  LaneGroup &group = warp.group();
  group.wait = Wait::Cluster;
  group.generation = warp.clusterGeneration++;
}

void barrierRule(Build &b) {
  if (b.has("warp"))
    return warpBarrierRule(b);
  if (b.has("cluster")) {
    bool arrive = b.has("arrive");
    if (!arrive && !b.has("wait"))
      b.refuse("this form");
    b.oneOf({"release", "relaxed", "acquire"});
    b.has("aligned");
    b.operands(0, 0);
    b.out.run = arrive ? clusterArrive : clusterWait;
    return;
  }
  b.has("cta");
  int what = b.oneOf({"sync", "arrive", "red"});
  b.has("aligned");
  if (what < 0)
    b.refuse("this form");
  b.out.mods[0] = what;
  size_t at = 0, n = b.count();
  if (what == Reduce) {
    b.out.mods[2] = b.oneOf({"popc", "and", "or"});
    b.destination(at++, b.type());
    --n;
  }
  bool counts = what == Reduce ? n == 3 : n == 2;
  b.out.mods[1] = counts;
  b.source(at++, Type::U32);
  if (counts)
    b.source(at++, Type::U32);
  else
    b.constant(0);
  if (what == Reduce)
    b.source(at++, Type::Pred);
  b.operands(at, at);
  if (what == Arrive && !counts)
    b.refuse("bar.arrive without a count");
  b.out.run = what == Reduce ? reduction : barrier;
}

} // namespace

void addBarrierRules(Rules &rules) {
  rules["bar"] = rules["barrier"] = barrierRule;
}

} // namespace gpusim
