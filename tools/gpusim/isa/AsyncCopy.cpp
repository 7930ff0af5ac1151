// cp.async of up to 16 bytes and its groups. Copies are made at once; what
// remembers that they were not complete yet is the agent they are noted under.
#include "tools/gpusim/isa/AsyncCopies.h"

namespace gpusim {
namespace {

uint32_t agentOf(Warp &warp, int lane) {
  return warp.cta.cluster.agent(Cluster::CpAsyncAgent, warp.threadId(lane));
}

// ops: to, from, [source bytes]. offset and mods[1]: of the two addresses;
// mods: 0 bytes, 2 with source bytes, 3 that operand is a predicate.
void copy(Warp &warp, const Instr &instr, uint32_t mask) {
  Source to = warp.source(instr.ops[0]), from = warp.source(instr.ops[1]);
  unsigned size = unsigned(instr.mods[0]);
  lanes(mask, [&](int l) {
    uint64_t target = to[l] + uint64_t(int64_t(instr.mods[1])),
             source = from[l] + uint64_t(instr.offset);
    if (target % size || source % size)
      warp.fail(FaultKind::Misaligned, l,
                "addresses " + hex(target) + " and " + hex(source) +
                    " are not both multiples of " + std::to_string(size));
    unsigned have = size;
    if (instr.mods[3])
      have = warp.predicate(instr.ops[2], l) ? 0 : size;
    else if (instr.mods[2])
      have = uint32_t(warp.source(instr.ops[2])[l]);
    if (have > size)
      warp.fail(FaultKind::OutOfBounds, l,
                "copies " + std::to_string(have) + " bytes of " +
                    std::to_string(size));
    SharedPlace place = warp.sharedPlace(l, target, size, Space::Shared);
    warp.checkShared(l, place, size, true);
    Actor actor = warp.agentActor(l, agentOf(warp, l), warp.copyGroups[l] + 1);
    actor.async = false; // by the generic proxy
    warp.checkRace(l, place, size, true, actor);
    uint8_t *bytes = place.cta->shared.data() + place.offset;
    std::memset(bytes, 0, size);
    if (have)
      std::memcpy(bytes, warp.globalRead(l, source, have), have);
  });
}

void commit(Warp &warp, const Instr &, uint32_t mask) {
  lanes(mask, [&](int l) { ++warp.copyGroups[l]; });
}

void waitGroups(Warp &warp, const Instr &instr, uint32_t mask) {
  lanes(mask, [&](int l) {
    uint32_t open = uint32_t(instr.mods[0]);
    if (warp.copyGroups[l] > open)
      acquireAgent(warp.clocks[l], agentOf(warp, l), warp.copyGroups[l] - open);
  });
}

void waitAll(Warp &warp, const Instr &, uint32_t mask) {
  lanes(mask, [&](int l) {
    ++warp.copyGroups[l];
    acquireAgent(warp.clocks[l], agentOf(warp, l), warp.copyGroups[l]);
  });
}

// The mbarrier hears of all copies of the thread so far.
void arriveOn(Warp &warp, const Instr &instr, uint32_t mask) {
  Source base = warp.source(instr.ops[0]);
  lanes(mask, [&](int l) {
    SharedPlace place;
    MBarrier &barrier = mbarrierAt(warp, l, base[l] + uint64_t(instr.offset),
                                   instr.space, place);
    barrier.meeting.raise(agentOf(warp, l), ++warp.copyGroups[l]);
    if (instr.mods[0])
      arrive(warp, l, barrier, place, 1);
  });
}

void copyRule(Build &b) {
  bool wide = b.has("cg");
  if (!wide && !b.has("ca"))
    b.refuse("this form");
  if (!b.has("shared") && !b.has("shared::cta"))
    b.refuse("this destination");
  if (!b.has("global"))
    b.refuse("this source");
  while (!b.prefixed("L2::").empty()) {
  }
  b.operands(3, 5);
  b.address(0);
  b.out.mods[1] = int32_t(b.out.offset);
  b.address(1);
  uint64_t size = b.integer(2);
  if (size != 16 && (wide || (size != 4 && size != 8)))
    b.refuse("a copy of this size");
  b.out.mods[0] = int32_t(size);
  if (b.count() > 3) {
    const PtxOperand &extra = b.operand(3);
    if (extra.kind == PtxOperand::Register &&
        b.frame.function->registers[size_t(extra.index)].type == Type::Pred)
      b.out.mods[3] = 1;
    else
      b.out.mods[2] = 1;
    b.source(3, Type::B32);
  }
  b.out.run = copy;
}

} // namespace

void addAsyncCopyRules(Rules &rules) {
  rules["cp"] = [](Build &b) {
    if (b.has("reduce")) {
      if (!b.has("async") || !b.has("bulk"))
        b.refuse("this form");
      return bulkRule(b, true);
    }
    if (!b.has("async"))
      b.refuse("this form");
    if (b.has("bulk"))
      return bulkRule(b, false);
    if (b.has("commit_group")) {
      b.out.run = commit;
    } else if (b.has("wait_group")) {
      b.operands(1, 1);
      b.out.mods[0] = int32_t(b.integer(0));
      b.out.run = waitGroups;
    } else if (b.has("wait_all")) {
      b.out.run = waitAll;
    } else if (b.has("mbarrier")) {
      if (!b.has("arrive"))
        b.refuse("this form");
      b.out.mods[0] = b.has("noinc");
      b.out.space = b.space();
      b.has("b64");
      b.operands(1, 1);
      b.address(0);
      b.out.run = arriveOn;
    } else {
      copyRule(b);
    }
  };
}

} // namespace gpusim
