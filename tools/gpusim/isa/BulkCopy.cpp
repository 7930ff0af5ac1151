// Bulk copies of plain bytes, bulk groups, and what tensor copies share.
#include "tools/gpusim/isa/AsyncCopies.h"
#include "tools/gpusim/isa/Floats.h"

#include <algorithm>

namespace gpusim {

Completion completesOn(Warp &warp, int lane, uint64_t barrier, Space space) {
  Completion result;
  result.barrier = &mbarrierAt(warp, lane, barrier, space, result.place, true);
  result.actor =
      warp.agentActor(lane, mbarrierAgent(warp.cta.cluster, result.place),
                      result.barrier->phase + 1);
  return result;
}

static uint32_t bulkAgent(Warp &warp, int lane) {
  return warp.cta.cluster.agent(Cluster::BulkAgent, warp.threadId(lane));
}

Completion completesInGroup(Warp &warp, int lane) {
  Completion result;
  warp.bulkOpen[lane] = true;
  result.actor =
      warp.agentActor(lane, bulkAgent(warp, lane), warp.bulkGroups[lane] + 1);
  return result;
}

uint8_t *bulkShared(Warp &warp, int lane, const SharedPlace &place,
                    unsigned bytes, bool write, const Actor &actor) {
  warp.checkShared(lane, place, bytes, write);
  warp.checkRace(lane, place, bytes, write, actor);
  return place.cta->shared.data() + place.offset;
}

template <typename T> static T combine(Reduction reduction, T old, T value) {
  switch (reduction) {
  case Reduction::Add:
    return T(uint64_t(old) + uint64_t(value));
  case Reduction::Min:
    return std::min(old, value);
  case Reduction::Max:
    return std::max(old, value);
  case Reduction::And:
    return old & value;
  case Reduction::Or:
    return old | value;
  case Reduction::Xor:
    return old ^ value;
  case Reduction::Inc:
    return old >= value ? T(0) : T(old + 1);
  case Reduction::Dec:
    return old == 0 || old > value ? value : T(old - 1);
  case Reduction::None:
    break;
  }
  return value;
}

void reduceInto(Warp &warp, int lane, uint8_t *to, const uint8_t *from,
                uint64_t bytes, Type type, Reduction reduction) {
  if (reduction == Reduction::None) {
    std::memcpy(to, from, bytes);
    return;
  }
  unsigned size = typeBytes(type);
  for (uint64_t at = 0; at + size <= bytes; at += size) {
    uint64_t old = 0, value = 0, result;
    std::memcpy(&old, to + at, size);
    std::memcpy(&value, from + at, size);
    if (isFloat(type)) {
      double x = decode(type, old), y = decode(type, value);
      double sum = reduction == Reduction::Add   ? oddSum(x, y)
                   : reduction == Reduction::Min ? std::fmin(x, y)
                   : reduction == Reduction::Max ? std::fmax(x, y)
                                                 : NAN;
      if (type == Type::F64 && reduction == Reduction::Add)
        sum = x + y;
      result = encode(type, roundTo(sum, type, Rounding::Nearest));
    } else if (type == Type::S32) {
      result = put(combine(reduction, get<int32_t>(old), get<int32_t>(value)));
    } else if (type == Type::S64) {
      result = put(combine(reduction, get<int64_t>(old), get<int64_t>(value)));
    } else if (size == 4) {
      result =
          put(combine(reduction, get<uint32_t>(old), get<uint32_t>(value)));
    } else if (size == 8) {
      result = combine(reduction, old, value);
    } else {
      warp.fail(FaultKind::Unsupported, lane, "a reduction of this type");
    }
    std::memcpy(to + at, &result, size);
  }
}

namespace {

void checkBulk(Warp &warp, int lane, uint64_t to, uint64_t from,
               uint64_t bytes) {
  if (to % 16 || from % 16 || bytes % 16)
    warp.fail(FaultKind::Misaligned, lane,
              "a bulk copy of " + std::to_string(bytes) + " bytes from " +
                  hex(from) + " to " + hex(to) +
                  ": all have to be multiples of 16");
}

// Loads. ops: to, from, bytes, mbarrier, [mask]. offset: of `to`; mods: 0
// offset of from, 1 of the mbarrier, 2 multicast, 3 from shared memory.
void loadBulk(Warp &warp, const Instr &instr, uint32_t mask) {
  Source to = warp.source(instr.ops[0]), from = warp.source(instr.ops[1]),
         size = warp.source(instr.ops[2]), barrier = warp.source(instr.ops[3]);
  lanes(mask, [&](int l) {
    uint64_t target = to[l] + uint64_t(instr.offset),
             source = from[l] + uint64_t(int64_t(instr.mods[0]));
    uint32_t bytes = uint32_t(size[l]);
    checkBulk(warp, l, target, source, bytes);
    if (!bytes)
      return;
    Completion done = completesOn(
        warp, l, barrier[l] + uint64_t(int64_t(instr.mods[1])), Space::Shared);
    SharedPlace place = warp.sharedPlace(l, target, bytes, Space::Shared);
    uint8_t *data = bulkShared(warp, l, place, bytes, true, done.actor);
    if (instr.mods[3])
      std::memcpy(data,
                  bulkShared(warp, l,
                             warp.sharedPlace(l, source, bytes, Space::Shared),
                             bytes, false, done.actor),
                  bytes);
    else
      std::memcpy(data, warp.globalRead(l, source, bytes), bytes);
    completeBytes(*done.barrier, done.place, bytes);
  });
}

// Stores. ops: to, from, bytes. mods: 0 offset of from, 2 reduction.
void storeBulk(Warp &warp, const Instr &instr, uint32_t mask) {
  Source to = warp.source(instr.ops[0]), from = warp.source(instr.ops[1]),
         size = warp.source(instr.ops[2]);
  lanes(mask, [&](int l) {
    uint64_t target = to[l] + uint64_t(instr.offset),
             source = from[l] + uint64_t(int64_t(instr.mods[0]));
    uint32_t bytes = uint32_t(size[l]);
    checkBulk(warp, l, target, source, bytes);
    Completion done = completesInGroup(warp, l);
    if (!bytes)
      return;
    SharedPlace place = warp.sharedPlace(l, source, bytes, Space::Shared);
    const uint8_t *data = bulkShared(warp, l, place, bytes, false, done.actor);
    reduceInto(warp, l, warp.globalBytes(l, target, bytes, true), data, bytes,
               instr.type, Reduction(instr.mods[2]));
  });
}

void commitBulk(Warp &warp, const Instr &, uint32_t mask) {
  lanes(mask, [&](int l) {
    ++warp.bulkGroups[l];
    warp.bulkOpen[l] = false;
  });
}

void waitBulk(Warp &warp, const Instr &instr, uint32_t mask) {
  lanes(mask, [&](int l) {
    uint32_t open = uint32_t(instr.mods[0]);
    if (warp.bulkGroups[l] > open)
      acquireAgent(warp.clocks[l], bulkAgent(warp, l),
                   warp.bulkGroups[l] - open);
  });
}

void nothing(Warp &, const Instr &, uint32_t) {}

Reduction reductionOf(Build &b) {
  int op = b.oneOf({"add", "min", "max", "and", "or", "xor", "inc", "dec"});
  if (op < 0)
    b.refuse("this reduction");
  return Reduction(op + 1);
}

} // namespace

void bulkRule(Build &b, bool reduces) {
  if (b.has("commit_group")) {
    b.out.run = commitBulk;
    return;
  }
  if (b.has("wait_group")) {
    b.has("read");
    b.operands(1, 1);
    b.out.mods[0] = int32_t(b.integer(0));
    b.out.run = waitBulk;
    return;
  }
  bool tensor = b.has("tensor");
  Reduction reduction = reduces ? reductionOf(b) : Reduction::None;
  if (tensor)
    return tensorRule(b, reduction);
  if (b.has("prefetch")) {
    b.has("L2");
    b.has("global");
    b.out.run = nothing;
    return;
  }
  b.has("noftz");
  if (reduces)
    b.out.type = b.type();
  b.out.mods[2] = int32_t(reduction);
  b.prefixed("L2::");
  bool load = b.has("mbarrier::complete_tx::bytes");
  bool store = !load && b.has("bulk_group");
  if (load && reduces)
    b.refuse("a reduction into shared memory");
  if (b.has("multicast::cluster"))
    b.refuse("the multicast form of a plain bulk copy");
  b.address(0);
  int64_t first = b.out.offset;
  b.address(1);
  b.out.mods[0] = int32_t(b.out.offset);
  b.source(2, Type::B32);
  if (load) {
    // From global memory, or from this block's to another's shared memory.
    bool toCluster = b.has("shared::cluster") || b.has("shared::cta");
    b.out.mods[3] = !b.has("global") && b.has("shared::cta");
    if (!toCluster)
      b.refuse("this destination");
    b.operands(4, 5);
    b.address(3);
    b.out.mods[1] = int32_t(b.out.offset);
    b.out.run = loadBulk;
  } else if (store) {
    if (!b.has("global") || !b.has("shared::cta"))
      b.refuse("these spaces");
    b.operands(3, 4);
    b.out.run = storeBulk;
  } else {
    b.refuse("this completion");
  }
  b.out.offset = first;
}

} // namespace gpusim
