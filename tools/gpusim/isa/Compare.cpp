// setp, set, selp and slct.
#include "tools/gpusim/isa/Floats.h"

namespace gpusim {
namespace {

enum Comparison {
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  Lo,
  Ls,
  Hi,
  Hs,
  Equ,
  Neu,
  Ltu,
  Leu,
  Gtu,
  Geu,
  Num,
  Nan
};

int comparison(Build &b) {
  int which =
      b.oneOf({"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs",
               "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"});
  if (which < 0)
    b.refuse("this comparison");
  return which;
}

template <typename T> bool compare(int which, T a, T b) {
  switch (which) {
  case Eq:
    return a == b;
  case Ne:
    return a != b;
  case Lt:
  case Lo:
    return a < b;
  case Le:
  case Ls:
    return a <= b;
  case Gt:
  case Hi:
    return a > b;
  case Ge:
  case Hs:
    return a >= b;
  }
  return false;
}

bool compareFloats(int which, double a, double b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  if (which == Num)
    return !unordered;
  if (which == Nan)
    return unordered;
  if (which >= Equ)
    return unordered || compare(which - Equ, a, b);
  // The ordered ones are false for NaN, ne too.
  return !unordered && compare(which, a, b);
}

bool decide(const Instr &instr, uint64_t a, uint64_t b) {
  int which = instr.mods[3];
  switch (instr.type) {
  case Type::S16:
    return compare(which, get<int16_t>(a), get<int16_t>(b));
  case Type::S32:
    return compare(which, get<int32_t>(a), get<int32_t>(b));
  case Type::S64:
    return compare(which, get<int64_t>(a), get<int64_t>(b));
  case Type::U16:
  case Type::B16:
    return compare(which, get<uint16_t>(a), get<uint16_t>(b));
  case Type::U32:
  case Type::B32:
    return compare(which, get<uint32_t>(a), get<uint32_t>(b));
  case Type::U64:
  case Type::B64:
    return compare(which, a, b);
  default:
    return compareFloats(which, operandValue(a, instr), operandValue(b, instr));
  }
}

bool combine(int op, bool a, bool b) {
  return op == 0 ? a && b : op == 1 ? a || b : op == 2 ? a != b : a;
}

// setp p[|q], a, b[, c]: ops p, q, a, b, c.
void setp(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *p = warp.reg(instr.ops[0].slot), *q = warp.reg(instr.ops[1].slot);
  Source a = warp.source(instr.ops[2]), b = warp.source(instr.ops[3]);
  const Operand &c = instr.ops[4];
  int op = instr.mods[4];
  lanes(mask, [&](int l) {
    bool result = decide(instr, a[l], b[l]);
    bool third = op < 0 ? false : warp.predicate(c, l);
    p[l] = combine(op, result, third);
    q[l] = combine(op, !result, third);
  });
}

// Two comparisons of halves: p for the low, q for the high one.
void setpPacked(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *p = warp.reg(instr.ops[0].slot), *q = warp.reg(instr.ops[1].slot);
  Source a = warp.source(instr.ops[2]), b = warp.source(instr.ops[3]);
  const Operand &c = instr.ops[4];
  int op = instr.mods[4];
  lanes(mask, [&](int l) {
    bool third = op < 0 ? false : warp.predicate(c, l);
    p[l] = combine(op, decide(instr, a[l], b[l]), third);
    q[l] = combine(op, decide(instr, a[l] >> 16, b[l] >> 16), third);
  });
}

// set: all ones or 1.0 in a 32-bit register. ops d, unused, a, b, c.
void set(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[2]), b = warp.source(instr.ops[3]);
  const Operand &c = instr.ops[4];
  int op = instr.mods[4];
  lanes(mask, [&](int l) {
    bool third = op < 0 ? false : warp.predicate(c, l);
    bool result = combine(op, decide(instr, a[l], b[l]), third);
    d[l] = result ? uint64_t(uint32_t(instr.mods[5])) : 0;
  });
}

void compareRule(Build &b, bool predicate) {
  b.out.mods[3] = comparison(b);
  b.out.mods[4] = b.oneOf({"and", "or", "xor"});
  b.out.mods[1] = b.has("ftz");
  Type result = predicate ? Type::Pred : b.type();
  Type type = b.type();
  b.out.type = type;
  b.operands(3, b.out.mods[4] < 0 ? 3 : 4);
  const PtxOperand &d = b.operand(0);
  b.destinationOf(d.kind == PtxOperand::Pair ? d.items[0] : d, Type::Pred);
  PtxOperand sink;
  b.destinationOf(d.kind == PtxOperand::Pair ? d.items[1] : sink, Type::Pred);
  b.source(1, type);
  b.source(2, type);
  if (b.out.mods[4] >= 0)
    b.source(3, Type::Pred);
  else
    b.constant(0);
  bool packed = type == Type::F16x2 || type == Type::BF16x2;
  if (!predicate) {
    if (packed || typeBytes(result) != 4)
      b.refuse("this type");
    b.out.mods[5] = result == Type::F32 ? 0x3f800000 : -1;
    b.out.run = set;
  } else {
    b.out.run = packed ? setpPacked : setp;
  }
}

void selp(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]);
  const Operand &p = instr.ops[3];
  lanes(mask, [&](int l) { d[l] = warp.predicate(p, l) ? a[l] : b[l]; });
}

void slct(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]),
         c = warp.source(instr.ops[3]);
  lanes(mask, [&](int l) {
    bool first = instr.type == Type::S32 ? get<int32_t>(c[l]) >= 0
                                         : operandValue(c[l], instr) >= 0;
    d[l] = first ? a[l] : b[l];
  });
}

} // namespace

void addCompareRules(Rules &rules) {
  rules["setp"] = [](Build &b) { compareRule(b, true); };
  rules["set"] = [](Build &b) { compareRule(b, false); };
  rules["selp"] = [](Build &b) {
    Type type = b.type();
    b.operands(4, 4);
    b.destination(0, type);
    b.source(1, type);
    b.source(2, type);
    b.source(3, Type::Pred);
    b.out.run = selp;
  };
  rules["slct"] = [](Build &b) {
    b.out.mods[1] = b.has("ftz");
    Type type = b.type();
    b.out.type = b.type();
    b.operands(4, 4);
    b.destination(0, type);
    b.source(1, type);
    b.source(2, type);
    b.source(3, b.out.type);
    b.out.run = slct;
  };
}

} // namespace gpusim
