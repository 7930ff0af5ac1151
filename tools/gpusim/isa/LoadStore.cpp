// ld, ldu and st of all state spaces and vector widths.
#include "tools/gpusim/isa/Values.h"

namespace gpusim {
namespace {

// Elements of T, which is signed where the sign is extended.
// mods: 0 volatile, 1 bytes of the destination registers.
template <typename T> void load(Warp &warp, const Instr &instr, uint32_t mask) {
  Source base = warp.source(instr.ops[instr.count]);
  Access kind = instr.mods[0] ? Access::VolatileRead : Access::Read;
  uint64_t keep = instr.mods[1] >= 8 ? ~uint64_t(0)
                                     : (uint64_t(1) << (8 * instr.mods[1])) - 1;
  lanes(mask, [&](int l) {
    const uint8_t *from =
        warp.access(l, base[l] + uint64_t(instr.offset),
                    sizeof(T) * instr.count, instr.space, kind);
    for (unsigned i = 0; i < instr.count; ++i) {
      T value;
      std::memcpy(&value, from + i * sizeof(T), sizeof(T));
      warp.reg(instr.ops[i].slot)[l] = uint64_t(value) & keep;
    }
  });
}

template <typename T>
void store(Warp &warp, const Instr &instr, uint32_t mask) {
  Source base = warp.source(instr.ops[0]);
  Access kind = instr.mods[0] ? Access::VolatileWrite : Access::Write;
  lanes(mask, [&](int l) {
    uint8_t *to = warp.access(l, base[l] + uint64_t(instr.offset),
                              sizeof(T) * instr.count, instr.space, kind);
    for (unsigned i = 0; i < instr.count; ++i) {
      T value = T(warp.source(instr.ops[1 + i])[l]);
      std::memcpy(to + i * sizeof(T), &value, sizeof(T));
    }
  });
  if (instr.mods[0])
    ++warp.cta.cluster.events;
}

Handler loadOf(Type type) {
  switch (typeBytes(type)) {
  case 1:
    return type == Type::S8 ? &load<int8_t> : &load<uint8_t>;
  case 2:
    return type == Type::S16 ? &load<int16_t> : &load<uint16_t>;
  case 4:
    return type == Type::S32 ? &load<int32_t> : &load<uint32_t>;
  default:
    return &load<uint64_t>;
  }
}

Handler storeOf(Type type) {
  switch (typeBytes(type)) {
  case 1:
    return &store<uint8_t>;
  case 2:
    return &store<uint16_t>;
  case 4:
    return &store<uint32_t>;
  default:
    return &store<uint64_t>;
  }
}

// Modifiers that say how to cache, and to whom an order extends.
void memoryModifiers(Build &b) {
  int order =
      b.oneOf({"weak", "relaxed", "acquire", "release", "volatile", "mmio"});
  b.out.mods[0] = order > 0;
  b.oneOf({"cta", "cluster", "gpu", "sys"});
  b.oneOf({"ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc"});
  b.has("nc");
  while (!b.prefixed("L1::").empty() || !b.prefixed("L2::").empty()) {
  }
  b.has("unified");
}

unsigned vectorCount(Build &b) {
  int vector = b.oneOf({"v2", "v4"});
  return vector == 0 ? 2 : vector == 1 ? 4 : 1;
}

void loadRule(Build &b) {
  memoryModifiers(b);
  b.out.space = b.space();
  b.out.count = uint8_t(vectorCount(b));
  b.out.type = b.type();
  if (!typeBytes(b.out.type) || typeBytes(b.out.type) * b.out.count > 16)
    b.refuse("this type");
  b.operands(2, 3); // the third is a cache policy
  const PtxOperand &d = b.operand(0);
  const PtxOperand &first = d.kind == PtxOperand::Vector ? d.items.at(0) : d;
  b.destinations(0, b.out.type);
  if (b.out.destinations != b.out.count)
    b.refuse("a vector of another length");
  b.out.mods[1] = int32_t(typeBytes(b.out.type));
  if (first.kind == PtxOperand::Register)
    b.out.mods[1] = int32_t(
        typeBytes(b.frame.function->registers[size_t(first.index)].type));
  b.address(1);
  b.out.run = loadOf(b.out.type);
}

void storeRule(Build &b) {
  memoryModifiers(b);
  b.out.space = b.space();
  b.out.count = uint8_t(vectorCount(b));
  b.out.type = b.type();
  if (!typeBytes(b.out.type) || typeBytes(b.out.type) * b.out.count > 16)
    b.refuse("this type");
  b.operands(2, 3);
  b.address(0);
  b.sources(1, b.out.type);
  if (b.out.ops.size() != b.out.count + 1u)
    b.refuse("a vector of another length");
  b.out.run = storeOf(b.out.type);
}

void policy(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  lanes(mask, [&](int l) { d[l] = 0; });
}

} // namespace

void addMemoryRules(Rules &rules) {
  rules["ld"] = rules["ldu"] = loadRule;
  rules["st"] = storeRule;
  // A policy is a hint: its value is never looked at.
  rules["createpolicy"] = [](Build &b) {
    for (size_t i = 1; i < b.text.parts.size(); ++i)
      b.has(b.text.parts[i].c_str());
    b.destination(0, Type::B64);
    b.out.run = policy;
  };
}

} // namespace gpusim
