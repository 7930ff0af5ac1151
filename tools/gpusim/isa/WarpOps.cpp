// Instructions of a whole warp: shuffles, votes, matches, reductions, election.
#include "tools/gpusim/isa/Values.h"

#include <algorithm>

namespace gpusim {
namespace {

// All lanes that the executing ones name have to be here. The mask is the same
// for all of them, or the program is wrong.
bool gather(Warp &warp, const Operand &operand, uint32_t mask, const char *what,
            uint32_t &members) {
  Source named = warp.source(operand);
  members = uint32_t(named[__builtin_ctz(mask)]);
  lanes(mask, [&](int l) {
    if (uint32_t(named[l]) != members)
      warp.fail(FaultKind::Convergence, l,
                std::string(what) + " with different masks, " +
                    hex(uint32_t(named[l])) + " and " + hex(members));
    if (!(members >> l & 1))
      warp.fail(FaultKind::Convergence, l,
                std::string(what) + " with the mask " + hex(members) +
                    ", in which the lane itself is not");
  });
  return warp.together(mask, members, what);
}

// shfl.sync.mode.b32 d[|p], a, b, c, mask: ops d, p, a, b, c, mask.
void shuffle(Warp &warp, const Instr &instr, uint32_t mask) {
  uint32_t members;
  if (!gather(warp, instr.ops[5], mask, "shfl.sync", members))
    return;
  uint64_t *d = warp.reg(instr.ops[0].slot), *p = warp.reg(instr.ops[1].slot);
  Source a = warp.source(instr.ops[2]), b = warp.source(instr.ops[3]),
         c = warp.source(instr.ops[4]);
  uint64_t results[32], inside[32];
  lanes(mask, [&](int lane) {
    uint32_t by = uint32_t(b[lane]) & 31, clamp = uint32_t(c[lane]) & 31,
             segment = uint32_t(c[lane]) >> 8 & 31, l = uint32_t(lane);
    uint32_t most = (l & segment) | (clamp & ~segment), least = l & segment;
    int64_t from = 0;
    bool valid = false;
    switch (instr.mods[0]) {
    case 0: // up
      from = int64_t(l) - by;
      valid = from >= int64_t(most);
      break;
    case 1: // down
      from = l + by;
      valid = from <= int64_t(most);
      break;
    case 2: // bfly
      from = l ^ by;
      valid = from <= int64_t(most);
      break;
    case 3: // idx
      from = least | (by & ~segment);
      valid = from <= int64_t(most);
      break;
    }
    if (!valid)
      from = l;
    if (!(members >> from & 1))
      warp.fail(FaultKind::Convergence, lane,
                "reads from lane " + std::to_string(from) +
                    ", which is not in the mask " + hex(members));
    results[lane] = uint32_t(a[int(from)]);
    inside[lane] = valid;
  });
  lanes(mask, [&](int l) {
    d[l] = results[l];
    p[l] = inside[l];
  });
}

void vote(Warp &warp, const Instr &instr, uint32_t mask) {
  uint32_t members;
  if (!gather(warp, instr.ops[2], mask, "vote.sync", members))
    return;
  uint32_t yes = 0;
  lanes(mask,
        [&](int l) { yes |= uint32_t(warp.predicate(instr.ops[1], l)) << l; });
  uint64_t *d = warp.reg(instr.ops[0].slot);
  uint64_t result = instr.mods[0] == 0   ? yes == mask
                    : instr.mods[0] == 1 ? yes != 0
                    : instr.mods[0] == 2 ? yes == mask || yes == 0
                                         : yes;
  lanes(mask, [&](int l) { d[l] = result; });
}

// match: ops d, p, a, mask.
void match(Warp &warp, const Instr &instr, uint32_t mask) {
  uint32_t members;
  if (!gather(warp, instr.ops[3], mask, "match.sync", members))
    return;
  uint64_t *d = warp.reg(instr.ops[0].slot), *p = warp.reg(instr.ops[1].slot);
  Source a = warp.source(instr.ops[2]);
  uint64_t results[32];
  lanes(mask, [&](int l) {
    results[l] = 0;
    lanes(mask, [&](int k) {
      if (a[k] == a[l])
        results[l] |= uint64_t(1) << k;
    });
  });
  lanes(mask, [&](int l) {
    bool all = results[l] == mask;
    d[l] = instr.mods[0] ? (all ? mask : 0) : results[l];
    p[l] = all;
  });
}

void reduce(Warp &warp, const Instr &instr, uint32_t mask) {
  uint32_t members;
  if (!gather(warp, instr.ops[2], mask, "redux.sync", members))
    return;
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]);
  uint32_t result = uint32_t(a[__builtin_ctz(mask)]);
  bool isSigned = instr.type == Type::S32;
  lanes(mask & (mask - 1), [&](int l) {
    uint32_t x = uint32_t(a[l]);
    switch (instr.mods[0]) {
    case 0:
      result += x;
      break;
    case 1:
      result = isSigned ? uint32_t(std::min(int32_t(result), int32_t(x)))
                        : std::min(result, x);
      break;
    case 2:
      result = isSigned ? uint32_t(std::max(int32_t(result), int32_t(x)))
                        : std::max(result, x);
      break;
    case 3:
      result &= x;
      break;
    case 4:
      result |= x;
      break;
    case 5:
      result ^= x;
      break;
    }
  });
  lanes(mask, [&](int l) { d[l] = result; });
}

// elect.sync d|p, mask: one lane of the mask, always the same one.
void elect(Warp &warp, const Instr &instr, uint32_t mask) {
  uint32_t members;
  if (!gather(warp, instr.ops[2], mask, "elect.sync", members))
    return;
  uint64_t *d = warp.reg(instr.ops[0].slot), *p = warp.reg(instr.ops[1].slot);
  int leader = __builtin_ctz(members);
  lanes(mask, [&](int l) {
    d[l] = uint64_t(leader);
    p[l] = l == leader;
  });
}

void active(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  lanes(mask, [&](int l) { d[l] = mask; });
}

// bar.warp.sync orders memory among its lanes.
void warpSync(Warp &warp, const Instr &instr, uint32_t mask) {
  uint32_t members;
  if (!gather(warp, instr.ops[0], mask, "bar.warp.sync", members))
    return;
  Meeting meeting;
  lanes(mask, [&](int l) { meeting.release(warp.clocks[l]); });
  Snapshot past = meeting.seal();
  lanes(mask, [&](int l) { acquire(warp.clocks[l], past, true); });
}

// Two results: d and p of `d|p`, or d alone.
void pairOfResults(Build &b, Type type) {
  const PtxOperand &d = b.operand(0);
  PtxOperand sink;
  bool pair = d.kind == PtxOperand::Pair;
  b.destinationOf(pair ? d.items[0] : d, type);
  b.destinationOf(pair ? d.items[1] : sink, Type::Pred);
}

void requireSync(Build &b) {
  if (!b.has("sync"))
    b.refuse("a warp instruction without .sync");
}

} // namespace

void addWarpRules(Rules &rules) {
  rules["shfl"] = [](Build &b) {
    requireSync(b);
    b.out.mods[0] = b.oneOf({"up", "down", "bfly", "idx"});
    Type type = b.type();
    b.operands(5, 5);
    pairOfResults(b, type);
    for (size_t i = 1; i < 5; ++i)
      b.source(i, Type::B32);
    b.out.run = shuffle;
  };
  rules["vote"] = [](Build &b) {
    requireSync(b);
    b.out.mods[0] = b.oneOf({"all", "any", "uni", "ballot"});
    Type type = b.type();
    b.operands(3, 3);
    b.destination(0, type);
    b.source(1, Type::Pred);
    b.source(2, Type::B32);
    b.out.run = vote;
  };
  rules["match"] = [](Build &b) {
    b.out.mods[0] = b.oneOf({"any", "all"});
    requireSync(b);
    Type type = b.type();
    b.operands(3, 3);
    pairOfResults(b, Type::B32);
    b.source(1, type);
    b.source(2, Type::B32);
    b.out.run = match;
  };
  rules["redux"] = [](Build &b) {
    requireSync(b);
    b.out.mods[0] = b.oneOf({"add", "min", "max", "and", "or", "xor"});
    b.out.type = b.type();
    if (typeBytes(b.out.type) != 4 || isFloat(b.out.type))
      b.refuse("this type");
    b.operands(3, 3);
    b.destination(0, b.out.type);
    b.source(1, b.out.type);
    b.source(2, Type::B32);
    b.out.run = reduce;
  };
  rules["elect"] = [](Build &b) {
    requireSync(b);
    b.operands(2, 2);
    pairOfResults(b, Type::B32);
    b.source(1, Type::B32);
    b.out.run = elect;
  };
  rules["activemask"] = [](Build &b) {
    b.destination(0, b.type());
    b.out.run = active;
  };
}

void warpBarrierRule(Build &b) {
  b.has("sync");
  b.operands(1, 1);
  b.source(0, Type::B32);
  b.out.run = warpSync;
}

} // namespace gpusim
