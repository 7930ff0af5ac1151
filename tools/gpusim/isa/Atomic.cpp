// atom and red.
#include "tools/gpusim/isa/Floats.h"

#include <algorithm>

namespace gpusim {
namespace {

enum Operation { Add, Min, Max, And, Or, Xor, Exch, Cas, Inc, Dec };

template <typename T> T integer(int op, T old, T b, T c) {
  switch (op) {
  case Add:
    return T(uint64_t(old) + uint64_t(b));
  case Min:
    return std::min(old, b);
  case Max:
    return std::max(old, b);
  case And:
    return old & b;
  case Or:
    return old | b;
  case Xor:
    return old ^ b;
  case Exch:
    return b;
  case Cas:
    return old == b ? c : old;
  case Inc:
    return old >= b ? T(0) : T(old + 1);
  case Dec:
    return old == 0 || old > b ? b : T(old - 1);
  }
  return old;
}

uint64_t floating(const Instr &instr, uint64_t old, uint64_t b, int shift) {
  double x = decode(instr.type, old >> shift),
         y = decode(instr.type, b >> shift);
  double result = instr.type == Type::F64 ? x + y : oddSum(x, y);
  if (instr.mods[3] == Min)
    result = std::fmin(x, y);
  else if (instr.mods[3] == Max)
    result = std::fmax(x, y);
  return finished(result, instr) << shift;
}

uint64_t apply(const Instr &instr, uint64_t old, uint64_t b, uint64_t c) {
  int op = instr.mods[3];
  switch (instr.type) {
  case Type::S32:
    return put(integer<int32_t>(op, get<int32_t>(old), get<int32_t>(b), 0));
  case Type::S64:
    return put(integer<int64_t>(op, get<int64_t>(old), get<int64_t>(b), 0));
  case Type::B16:
    return put(integer<uint16_t>(op, get<uint16_t>(old), get<uint16_t>(b),
                                 get<uint16_t>(c)));
  case Type::U32:
  case Type::B32:
    return put(integer<uint32_t>(op, get<uint32_t>(old), get<uint32_t>(b),
                                 get<uint32_t>(c)));
  case Type::U64:
  case Type::B64:
    return integer<uint64_t>(op, old, b, c);
  case Type::F16x2:
  case Type::BF16x2:
    return floating(instr, old, b, 0) | floating(instr, old, b, 16);
  default:
    return floating(instr, old, b, 0);
  }
}

// ops: d… (atom alone), address, b…, c. mods: 3 operation, 4 with a result.
void atomic(Warp &warp, const Instr &instr, uint32_t mask) {
  unsigned size = typeBytes(instr.type), count = instr.count;
  size_t at = instr.mods[4] ? count : 0;
  Source base = warp.source(instr.ops[at]);
  lanes(mask, [&](int l) {
    uint8_t *place = warp.access(l, base[l] + uint64_t(instr.offset),
                                 size * count, instr.space, Access::Atomic);
    for (unsigned i = 0; i < count; ++i) {
      uint64_t old = 0;
      std::memcpy(&old, place + i * size, size);
      uint64_t b = warp.source(instr.ops[at + 1 + i])[l], c = 0;
      if (instr.mods[3] == Cas)
        c = warp.source(instr.ops[at + 2])[l];
      uint64_t result = apply(instr, old, b, c);
      std::memcpy(place + i * size, &result, size);
      if (instr.mods[4])
        warp.reg(instr.ops[i].slot)[l] = old;
    }
  });
  ++warp.cta.cluster.events;
}

void atomicRule(Build &b, bool result) {
  b.oneOf({"relaxed", "acquire", "release", "acq_rel"});
  b.oneOf({"cta", "cluster", "gpu", "sys"});
  b.out.space = b.space();
  int op = b.oneOf(
      {"add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"});
  if (op < 0)
    b.refuse("this operation");
  b.has("noftz");
  while (!b.prefixed("L2::").empty()) {
  }
  int vector = b.oneOf({"v2", "v4"});
  b.out.count = vector == 0 ? 2 : vector == 1 ? 4 : 1;
  Type type = b.type();
  b.out.type = type;
  if (isFloat(type) && op > Max)
    b.refuse("this operation on floats");
  if (typeBytes(type) < 2 || (isFloat(type) && type == Type::TF32))
    b.refuse("this type");
  b.out.mods[3] = op;
  b.out.mods[4] = result;
  size_t at = 0;
  if (result)
    b.destinations(at++, type);
  b.address(at);
  b.sources(at + 1, type);
  if (op == Cas)
    b.source(at + 2, type);
  b.out.run = atomic;
}

} // namespace

void addAtomicRules(Rules &rules) {
  rules["atom"] = [](Build &b) { atomicRule(b, true); };
  rules["red"] = [](Build &b) {
    if (b.has("async"))
      b.refuse("red.async");
    atomicRule(b, false);
  };
}

} // namespace gpusim
