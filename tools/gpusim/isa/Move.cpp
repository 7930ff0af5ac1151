// mov with its packing forms, cvta, isspacep and mapa.
#include "tools/gpusim/isa/Values.h"

namespace gpusim {
namespace {

void move(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]);
  lanes(mask, [&](int l) { d[l] = a[l]; });
}

// mov.b32 %r, {%h0, %h1}: mods[0] elements of mods[1] bits.
void pack(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  int width = instr.mods[1];
  uint64_t low = (uint64_t(1) << width) - 1;
  lanes(mask, [&](int l) {
    uint64_t result = 0;
    for (int i = 0; i < instr.mods[0]; ++i)
      result |= (warp.source(instr.ops[size_t(1 + i)])[l] & low) << (width * i);
    d[l] = result;
  });
}

// mov.b32 {%h0, %h1}, %r
void unpack(Warp &warp, const Instr &instr, uint32_t mask) {
  int width = instr.mods[1];
  uint64_t low = (uint64_t(1) << width) - 1;
  Source a = warp.source(instr.ops[size_t(instr.mods[0])]);
  lanes(mask, [&](int l) {
    uint64_t bits = a[l];
    for (int i = 0; i < instr.mods[0]; ++i)
      warp.reg(instr.ops[size_t(i)].slot)[l] = bits >> (width * i) & low;
  });
}

void clock(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  lanes(mask, [&](int l) {
    d[l] = instr.mods[0] ? warp.steps : uint32_t(warp.steps);
  });
}

void moveRule(Build &b) {
  Type type = b.type();
  b.operands(2, 2);
  b.out.use = RegisterUse::Move;
  const PtxOperand &d = b.operand(0), &a = b.operand(1);
  if (a.kind == PtxOperand::Special &&
      (a.name.compare(0, 6, "%clock") == 0 || a.name == "%globaltimer")) {
    b.destination(0, type);
    b.out.mods[0] = typeBytes(type) == 8;
    b.out.run = clock;
    return;
  }
  bool packs = a.kind == PtxOperand::Vector,
       unpacks = d.kind == PtxOperand::Vector;
  if (packs && unpacks)
    b.refuse("a move between vectors");
  if (packs || unpacks) {
    size_t parts = (packs ? a : d).items.size();
    unsigned bits = typeBytes(type) * 8;
    if (parts < 2 || parts > 4 || !bits || bits % parts)
      b.refuse("a vector of this size");
    b.out.mods[0] = int32_t(parts);
    b.out.mods[1] = int32_t(bits / parts);
  }
  b.destinations(0, type);
  b.sources(1, type);
  b.out.run = packs ? pack : unpacks ? unpack : move;
}

uint64_t windowOf(Space space) {
  switch (space) {
  case Space::Shared:
    return sharedWindow;
  case Space::Local:
    return localWindow;
  case Space::Param:
    return paramWindow;
  default:
    return 0;
  }
}

void addWindow(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]);
  uint64_t window = windowOf(instr.space);
  // An address that is in the window already, as shared::cluster ones may be,
  // stays.
  lanes(mask, [&](int l) {
    uint64_t from = a[l] + uint64_t(instr.offset);
    d[l] = window && from >= window ? from : from + window;
  });
}
void dropWindow(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]);
  uint64_t window = windowOf(instr.space);
  lanes(mask, [&](int l) {
    if (window && (a[l] < window || a[l] >= window + windowBytes))
      warp.fail(FaultKind::OutOfBounds, l,
                "the generic address " + hex(a[l]) +
                    " is not in the space it is converted to");
    d[l] = a[l] - window;
  });
}

void isspacep(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]);
  uint64_t window = windowOf(instr.space);
  lanes(mask, [&](int l) {
    d[l] = window ? a[l] >= window && a[l] < window + windowBytes
                  : a[l] >= paramWindow + windowBytes;
  });
}

// mapa: the same address in the block of that rank. mods[0]: generic.
void mapa(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), rank = warp.source(instr.ops[2]);
  lanes(mask, [&](int l) {
    uint64_t to = uint32_t(rank[l]);
    if (to >= warp.cta.cluster.ctas.size())
      warp.fail(FaultKind::OutOfBounds, l,
                "there is no block of rank " + std::to_string(to) +
                    " in the cluster");
    uint64_t field = uint64_t(255) << clusterShift;
    d[l] =
        ((a[l] + uint64_t(instr.offset)) & ~field) | ((to + 1) << clusterShift);
  });
}

void getctarank(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]);
  lanes(mask, [&](int l) {
    uint64_t field = (a[l] >> clusterShift) & 255;
    d[l] = field ? field - 1 : warp.cta.rank;
  });
}

} // namespace

void addMoveRules(Rules &rules) {
  rules["mov"] = moveRule;
  rules["cvta"] = [](Build &b) {
    bool to = b.has("to");
    b.out.space = b.space();
    Type type = b.type();
    b.operands(2, 2);
    b.destination(0, type);
    Space space = b.out.space;
    if (to)
      b.source(1, type);
    else
      b.address(1);
    b.out.space = space;
    b.out.run = to ? dropWindow : addWindow;
  };
  rules["isspacep"] = [](Build &b) {
    b.out.space = b.space();
    b.operands(2, 2);
    b.destination(0, Type::Pred);
    b.source(1, Type::B64);
    b.out.run = isspacep;
  };
  rules["mapa"] = [](Build &b) {
    b.space();
    Type type = b.type();
    b.operands(3, 3);
    b.destination(0, type);
    b.address(1);
    b.source(2, Type::U32);
    b.out.run = mapa;
  };
  rules["getctarank"] = [](Build &b) {
    b.space();
    Type type = b.type();
    b.operands(2, 2);
    b.destination(0, Type::U32);
    b.source(1, type);
    b.out.run = getctarank;
  };
}

} // namespace gpusim
