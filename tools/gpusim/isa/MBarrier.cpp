// mbarrier instructions.
#include "tools/gpusim/isa/MBarriers.h"

namespace gpusim {

MBarrier &mbarrierAt(Warp &warp, int lane, uint64_t address, Space space,
                     SharedPlace &place, bool async) {
  if (address % 8)
    warp.fail(FaultKind::Misaligned, lane,
              "the mbarrier's address " + hex(address) +
                  " is not a multiple of 8");
  place = warp.sharedPlace(lane, address, 8, space);
  auto found = place.cta->mbarriers.find(place.offset);
  if (found == place.cta->mbarriers.end())
    warp.fail(FaultKind::Barrier, lane,
              "no mbarrier was initialised at shared address " +
                  hex(sharedBase + place.offset));
  MBarrier &barrier = found->second;
  if (!warp.cta.cluster.options.races)
    return barrier;
  const ThreadClock &clock = warp.clocks[lane];
  if (!clock.ordered(barrier.initThread, barrier.initClock))
    warp.fail(FaultKind::Race, lane,
              "uses the mbarrier at shared address " +
                  hex(sharedBase + place.offset) +
                  ", and nothing orders its initialisation at line " +
                  std::to_string(barrier.line) + " before");
  if (async && !barrier.initVisible &&
      !clock.visibleToAsync(barrier.initThread, barrier.initClock))
    warp.fail(FaultKind::ProxyRace, lane,
              "a bulk copy completes on the mbarrier at shared address " +
                  hex(sharedBase + place.offset) +
                  ", whose initialisation at line " +
                  std::to_string(barrier.line) +
                  " lacks fence.mbarrier_init or fence.proxy.async");
  return barrier;
}

uint32_t mbarrierAgent(Cluster &cluster, const SharedPlace &place) {
  return cluster.agent(Cluster::MBarrierAgent,
                       (uint64_t(place.cta->rank) << 32) | place.offset);
}

void arrive(Warp &warp, int lane, MBarrier &barrier, const SharedPlace &place,
            uint32_t count) {
  if (count > barrier.pending)
    warp.fail(FaultKind::Barrier, lane,
              std::to_string(count) + " arrivals at the mbarrier at " +
                  hex(sharedBase + place.offset) + ", whose phase " +
                  std::to_string(barrier.phase) + " lacks " +
                  std::to_string(barrier.pending));
  barrier.meeting.release(warp.clocks[lane]);
  barrier.pending -= count;
  ++warp.cta.cluster.events;
  place.cta->settle(barrier, place.offset);
}

void completeBytes(MBarrier &barrier, const SharedPlace &place, int64_t bytes) {
  barrier.bytes -= bytes;
  place.cta->settle(barrier, place.offset);
}

namespace {

void init(Warp &warp, const Instr &instr, uint32_t mask) {
  Source base = warp.source(instr.ops[0]), count = warp.source(instr.ops[1]);
  lanes(mask, [&](int l) {
    uint64_t address = base[l] + uint64_t(instr.offset);
    uint32_t n = uint32_t(count[l]);
    if (!n || n >= 1u << 20)
      warp.fail(FaultKind::Barrier, l, std::to_string(n) + " participants");
    // The object's bytes are written, with what that brings of checks.
    SharedPlace place = warp.sharedPlace(l, address, 8, instr.space);
    auto old = place.cta->mbarriers.find(place.offset);
    if (old != place.cta->mbarriers.end())
      warp.fail(FaultKind::Barrier, l,
                "the mbarrier at shared address " +
                    hex(sharedBase + place.offset) +
                    " is initialised twice, first at line " +
                    std::to_string(old->second.line));
    warp.access(l, address, 8, instr.space, Access::Write);
    MBarrier barrier;
    barrier.participants = barrier.pending = n;
    barrier.initThread = warp.clocks[l].id;
    barrier.initClock = warp.clocks[l].own;
    barrier.line = instr.line;
    place.cta->mbarriers[place.offset] = std::move(barrier);
  });
}

void inval(Warp &warp, const Instr &instr, uint32_t mask) {
  Source base = warp.source(instr.ops[0]);
  lanes(mask, [&](int l) {
    SharedPlace place;
    mbarrierAt(warp, l, base[l] + uint64_t(instr.offset), instr.space, place);
    place.cta->mbarriers.erase(place.offset);
  });
}

// ops: state, address, [count or bytes]. mods: 0 expect_tx, 1 with an operand,
// 2 drop.
void arriveHandler(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *state = warp.reg(instr.ops[0].slot);
  Source base = warp.source(instr.ops[1]), operand = warp.source(instr.ops[2]);
  lanes(mask, [&](int l) {
    SharedPlace place;
    MBarrier &barrier = mbarrierAt(warp, l, base[l] + uint64_t(instr.offset),
                                   instr.space, place);
    state[l] = barrier.phase;
    uint32_t count = 1;
    if (instr.mods[0])
      barrier.bytes += uint32_t(operand[l]);
    else if (instr.mods[1])
      count = uint32_t(operand[l]);
    if (instr.mods[2])
      barrier.participants -= count;
    arrive(warp, l, barrier, place, count);
  });
}

// ops: address, bytes. mods[0]: complete instead of expect.
void transactions(Warp &warp, const Instr &instr, uint32_t mask) {
  Source base = warp.source(instr.ops[0]), bytes = warp.source(instr.ops[1]);
  lanes(mask, [&](int l) {
    SharedPlace place;
    MBarrier &barrier = mbarrierAt(warp, l, base[l] + uint64_t(instr.offset),
                                   instr.space, place);
    int64_t count = uint32_t(bytes[l]);
    barrier.meeting.release(warp.clocks[l]);
    completeBytes(barrier, place, instr.mods[0] ? count : -count);
  });
}

// ops: predicate, address, state or parity. mods: 0 parity, 1 try.
void wait(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *p = warp.reg(instr.ops[0].slot);
  Source base = warp.source(instr.ops[1]), phase = warp.source(instr.ops[2]);
  LaneGroup sleep;
  sleep.wait = Wait::MBarrier;
  bool any = false, same = true;
  lanes(mask, [&](int l) {
    SharedPlace place;
    MBarrier &barrier = mbarrierAt(warp, l, base[l] + uint64_t(instr.offset),
                                   instr.space, place);
    uint32_t parity = uint32_t(phase[l]) & 1;
    bool complete = (barrier.phase & 1) != parity;
    p[l] = complete;
    any |= complete;
    if (complete)
      acquire(warp.clocks[l], barrier.completed, false);
    if (sleep.home && (sleep.home != place.cta ||
                       sleep.offset != place.offset || sleep.parity != parity))
      same = false;
    sleep.home = place.cta;
    sleep.offset = place.offset;
    sleep.parity = parity;
  });
  if (any || !same || mask != warp.group().mask)
    return;
  // try_wait may suspend the thread; test_wait may not, but a loop of it that
  // nothing will end is a wait all the same.
  uint64_t &events = warp.cta.cluster.events;
  if (warp.lastEvents != events) {
    warp.lastEvents = events;
    warp.fruitless = 0;
  }
  if (instr.mods[1] || ++warp.fruitless > 10000)
    warp.waitHere(sleep);
}

void pendingCount(Warp &warp, const Instr &, uint32_t mask) {
  warp.fail(FaultKind::Unsupported, __builtin_ctz(mask),
            "mbarrier.pending_count is not supported");
}

void waitRule(Build &b, bool isTry) {
  b.out.mods[0] = b.has("parity");
  b.out.mods[1] = isTry;
  b.oneOf({"acquire", "relaxed"});
  b.oneOf({"cta", "cluster"});
  b.out.space = b.space();
  b.has("b64");
  b.operands(3, 4); // the fourth is a hint of time
  b.destination(0, Type::Pred);
  b.address(1);
  b.source(2, b.out.mods[0] ? Type::B32 : Type::B64);
  b.out.run = wait;
}

void arriveRule(Build &b, bool drop) {
  b.out.mods[2] = drop;
  b.out.mods[0] = b.has("expect_tx");
  b.oneOf({"release", "relaxed"});
  b.oneOf({"cta", "cluster"});
  b.out.space = b.space();
  b.has("b64");
  // The state is left out when nobody wants it.
  PtxOperand sink;
  size_t at = 0;
  if (b.operand(0).kind == PtxOperand::Address)
    b.destinationOf(sink, Type::B64);
  else
    b.destination(at++, Type::B64);
  b.address(at++);
  b.out.mods[1] = b.count() > at;
  if (b.out.mods[1])
    b.source(at++, Type::B32);
  else
    b.constant(0);
  b.operands(at, at);
  if (b.out.mods[0] && !b.out.mods[1])
    b.refuse("expect_tx without bytes");
  b.out.run = arriveHandler;
}

} // namespace

void addMBarrierRules(Rules &rules) {
  rules["mbarrier"] = [](Build &b) {
    int what =
        b.oneOf({"init", "inval", "arrive", "arrive_drop", "expect_tx",
                 "complete_tx", "test_wait", "try_wait", "pending_count"});
    if (what < 0)
      b.refuse("this form");
    // mbarrier.arrive.expect_tx: the list above finds arrive first.
    if (what == 2 || what == 3)
      return arriveRule(b, what == 3);
    if (what == 6 || what == 7)
      return waitRule(b, what == 7);
    if (what == 8) {
      b.has("b64");
      b.out.run = pendingCount;
      return;
    }
    b.oneOf({"relaxed", "release"});
    b.oneOf({"cta", "cluster"});
    b.out.space = b.space();
    b.has("b64");
    b.address(0);
    if (what == 1) {
      b.operands(1, 1);
      b.out.run = inval;
      return;
    }
    b.operands(2, 2);
    b.source(1, Type::B32);
    b.out.mods[0] = what == 5;
    b.out.run = what == 0 ? init : transactions;
  };
}

} // namespace gpusim
