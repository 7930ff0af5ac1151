// Integer arithmetic.
#include "tools/gpusim/isa/Values.h"

#include <algorithm>

namespace gpusim {
namespace {

// Sums and products wrap: computed without sign.
template <typename T> using Unsigned = std::make_unsigned_t<T>;
template <typename T> struct Twice;
template <> struct Twice<uint16_t> {
  using type = uint32_t;
};
template <> struct Twice<int16_t> {
  using type = int32_t;
};
template <> struct Twice<uint32_t> {
  using type = uint64_t;
};
template <> struct Twice<int32_t> {
  using type = int64_t;
};
template <> struct Twice<uint64_t> {
  using type = unsigned __int128;
};
template <> struct Twice<int64_t> {
  using type = __int128;
};

struct Add {
  template <typename T> T operator()(T a, T b) {
    return T(uint64_t(a) + uint64_t(b));
  }
};
struct Sub {
  template <typename T> T operator()(T a, T b) {
    return T(uint64_t(a) - uint64_t(b));
  }
};
struct AddSat {
  int32_t operator()(int32_t a, int32_t b) {
    int64_t sum = int64_t(a) + b;
    return int32_t(std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX));
  }
};
struct SubSat {
  int32_t operator()(int32_t a, int32_t b) {
    int64_t sum = int64_t(a) - b;
    return int32_t(std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX));
  }
};
struct MulLo {
  template <typename T> T operator()(T a, T b) {
    return T(uint64_t(a) * uint64_t(b));
  }
};
struct MulHi {
  template <typename T> T operator()(T a, T b) {
    using W = typename Twice<T>::type;
    return T((W(a) * W(b)) >> (8 * sizeof(T)));
  }
};
struct MulWide {
  template <typename T> auto operator()(T a, T b) {
    using W = typename Twice<T>::type;
    return W(W(a) * W(b));
  }
};
struct MadLo {
  template <typename T> T operator()(T a, T b, T c) {
    return T(uint64_t(a) * uint64_t(b) + uint64_t(c));
  }
};
struct MadHi {
  template <typename T> T operator()(T a, T b, T c) {
    return T(uint64_t(MulHi()(a, b)) + uint64_t(c));
  }
};
template <typename T>
void madWide(Warp &warp, const Instr &instr, uint32_t mask) {
  using W = typename Twice<T>::type;
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]),
         c = warp.source(instr.ops[3]);
  lanes(mask, [&](int l) {
    d[l] = put(W(uint64_t(W(get<T>(a[l])) * W(get<T>(b[l]))) + c[l]));
  });
}
// Division by zero is unspecified: all ones, as the hardware has it.
struct Div {
  template <typename T> T operator()(T a, T b) {
    if (b == 0)
      return T(-1);
    if (std::is_signed_v<T> && b == T(-1))
      return T(uint64_t(0) - uint64_t(a));
    return T(a / b);
  }
};
struct Rem {
  template <typename T> T operator()(T a, T b) {
    if (b == 0)
      return a;
    if (std::is_signed_v<T> && b == T(-1))
      return 0;
    return T(a % b);
  }
};
struct Abs {
  template <typename T> T operator()(T a) {
    return a < 0 ? T(uint64_t(0) - uint64_t(a)) : a;
  }
};
struct Neg {
  template <typename T> T operator()(T a) {
    return T(uint64_t(0) - uint64_t(a));
  }
};
struct Min {
  template <typename T> T operator()(T a, T b) { return std::min(a, b); }
};
struct Max {
  template <typename T> T operator()(T a, T b) { return std::max(a, b); }
};
struct Sad {
  template <typename T> T operator()(T a, T b, T c) {
    return T(uint64_t(c) +
             (a < b ? uint64_t(b) - uint64_t(a) : uint64_t(a) - uint64_t(b)));
  }
};

// add.cc and its kind: the carry is one slot of the kernel.
template <typename T, bool subtract>
void carry(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]);
  uint64_t *flag = warp.reg(instr.mods[2]);
  bool uses = instr.mods[0], sets = instr.mods[1];
  lanes(mask, [&](int l) {
    unsigned __int128 in = uses ? flag[l] : 0, x = get<T>(a[l]),
                      y = get<T>(b[l]);
    unsigned __int128 sum = subtract ? x - y - in : x + y + in;
    d[l] = put(T(sum));
    if (sets)
      flag[l] = uint64_t(sum >> (8 * sizeof(T))) & 1;
  });
}

template <bool subtract> void carryRule(Build &b, bool uses) {
  bool sets = b.has("cc");
  Type type = b.type();
  uniform(b, type, 2);
  if (typeBytes(type) != 4 && typeBytes(type) != 8)
    b.refuse("this type");
  if (b.decoder.carrySlot < 0)
    b.decoder.carrySlot = b.decoder.newSlot();
  b.out.mods[0] = uses;
  b.out.mods[1] = sets;
  b.out.mods[2] = b.decoder.carrySlot;
  b.out.run = typeBytes(type) == 4 ? &carry<uint32_t, subtract>
                                   : &carry<uint64_t, subtract>;
}

// mul and mad: .lo, .hi or .wide.
void multiply(Build &b, bool add) {
  int part = b.oneOf({"lo", "hi", "wide"});
  Type type = b.type();
  unsigned n = add ? 3 : 2;
  b.operands(n + 1, n + 1);
  b.destination(0, type);
  b.source(1, type);
  b.source(2, type);
  if (add)
    b.source(3, part == 2 ? Type::B64 : type);
  if (part == 2) {
    Handler mul = type == Type::U16   ? &binary<uint16_t, MulWide>
                  : type == Type::S16 ? &binary<int16_t, MulWide>
                  : type == Type::U32 ? &binary<uint32_t, MulWide>
                  : type == Type::S32 ? &binary<int32_t, MulWide>
                                      : static_cast<Handler>(nullptr);
    Handler mad = type == Type::U16   ? &madWide<uint16_t>
                  : type == Type::S16 ? &madWide<int16_t>
                  : type == Type::U32 ? &madWide<uint32_t>
                  : type == Type::S32 ? &madWide<int32_t>
                                      : static_cast<Handler>(nullptr);
    return setHandler(b, add ? mad : mul);
  }
  if (part < 0)
    b.refuse("a product without .lo, .hi or .wide");
  if (add)
    setHandler(b, part ? GPUSIM_INTEGERS(ternary, MadHi, type)
                       : GPUSIM_INTEGERS(ternary, MadLo, type));
  else
    setHandler(b, part ? GPUSIM_INTEGERS(binary, MulHi, type)
                       : GPUSIM_INTEGERS(binary, MulLo, type));
}

template <typename Op> void twoOperands(Build &b) {
  Type type = b.type();
  uniform(b, type, 2);
  setHandler(b, GPUSIM_INTEGERS(binary, Op, type));
}

} // namespace

bool integerRule(Build &b, IntegerOp op) {
  Type type = Type::None;
  for (const std::string &part : b.text.parts)
    if (typeNamed(part) != Type::None)
      type = typeNamed(part);
  if (isFloat(type))
    return false;
  switch (op) {
  case IntegerOp::Add:
  case IntegerOp::Sub: {
    bool add = op == IntegerOp::Add;
    for (const std::string &part : b.text.parts)
      if (part == "cc")
        return add ? carryRule<false>(b, false) : carryRule<true>(b, false),
               true;
    if (b.has("sat")) {
      uniform(b, b.type(), 2);
      setHandler(b, type != Type::S32 ? nullptr
                    : add             ? &binary<int32_t, AddSat>
                                      : &binary<int32_t, SubSat>);
    } else {
      add ? twoOperands<Add>(b) : twoOperands<Sub>(b);
    }
    break;
  }
  case IntegerOp::Mul:
    multiply(b, false);
    break;
  case IntegerOp::Mad:
    multiply(b, true);
    break;
  case IntegerOp::Div:
    twoOperands<Div>(b);
    break;
  case IntegerOp::Min:
    twoOperands<Min>(b);
    break;
  case IntegerOp::Max:
    twoOperands<Max>(b);
    break;
  case IntegerOp::Abs:
    uniform(b, b.type(), 1);
    setHandler(b, isSigned(type) ? GPUSIM_INTEGERS(unary, Abs, type) : nullptr);
    break;
  case IntegerOp::Neg:
    uniform(b, b.type(), 1);
    setHandler(b, isSigned(type) ? GPUSIM_INTEGERS(unary, Neg, type) : nullptr);
    break;
  }
  return true;
}

void addIntegerRules(Rules &rules) {
  rules["rem"] = [](Build &b) { twoOperands<Rem>(b); };
  rules["addc"] = [](Build &b) { carryRule<false>(b, true); };
  rules["subc"] = [](Build &b) { carryRule<true>(b, true); };
  rules["sad"] = [](Build &b) {
    Type type = b.type();
    uniform(b, type, 3);
    setHandler(b, GPUSIM_INTEGERS(ternary, Sad, type));
  };
}

} // namespace gpusim
