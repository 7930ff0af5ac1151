// Logic, shifts and bit fields.
#include "tools/gpusim/isa/Values.h"

#include <algorithm>

namespace gpusim {
namespace {

struct And {
  template <typename T> T operator()(T a, T b) { return a & b; }
};
struct Or {
  template <typename T> T operator()(T a, T b) { return a | b; }
};
struct Xor {
  template <typename T> T operator()(T a, T b) { return a ^ b; }
};
struct Not {
  template <typename T> T operator()(T a) { return T(~a); }
};
struct CNot {
  template <typename T> T operator()(T a) { return a == 0; }
};
struct Popc {
  template <typename T> uint32_t operator()(T a) {
    return uint32_t(__builtin_popcountll(a));
  }
};
struct Clz {
  template <typename T> uint32_t operator()(T a) {
    return a ? uint32_t(__builtin_clzll(a)) - (64 - 8 * sizeof(T))
             : uint32_t(8 * sizeof(T));
  }
};
struct Brev {
  template <typename T> T operator()(T a) {
    return T(__builtin_bitreverse64(a) >> (64 - 8 * sizeof(T)));
  }
};
// The most significant bit that is not the sign; all ones if there is none.
struct Bfind {
  template <typename T> uint32_t operator()(T a) {
    using U = std::make_unsigned_t<T>;
    U bits = std::is_signed_v<T> && a < 0 ? U(~a) : U(a);
    return bits ? 63 - uint32_t(__builtin_clzll(bits)) : ~uint32_t(0);
  }
};
struct BfindShift {
  template <typename T> uint32_t operator()(T a) {
    uint32_t at = Bfind()(a);
    return at == ~uint32_t(0) ? at : uint32_t(8 * sizeof(T)) - 1 - at;
  }
};

// Shift amounts are 32-bit and clamp at the width.
template <typename T, bool left>
void shift(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]);
  const unsigned width = 8 * sizeof(T);
  lanes(mask, [&](int l) {
    uint32_t by = uint32_t(b[l]);
    T x = get<T>(a[l]);
    if (left)
      d[l] = put(by >= width ? T(0) : T(uint64_t(x) << by));
    else
      d[l] = put(T(x >> std::min(by, width - 1)));
    if (!left && std::is_unsigned_v<T> && by >= width)
      d[l] = 0;
  });
}

template <bool left, bool clamp>
void funnel(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]),
         c = warp.source(instr.ops[3]);
  lanes(mask, [&](int l) {
    uint64_t both = (uint64_t(uint32_t(b[l])) << 32) | uint32_t(a[l]);
    uint32_t by = uint32_t(c[l]);
    by = clamp ? std::min(by, 32u) : by & 31;
    d[l] = left ? uint32_t((both << by) >> 32) : uint32_t(both >> by);
  });
}

template <typename T>
void extract(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]),
         c = warp.source(instr.ops[3]);
  const unsigned width = 8 * sizeof(T);
  lanes(mask, [&](int l) {
    unsigned at = unsigned(b[l]) & 255, length = unsigned(c[l]) & 255;
    std::make_unsigned_t<T> bits = get<std::make_unsigned_t<T>>(a[l]);
    unsigned signAt = std::min(at + length - 1, width - 1);
    bool sign = std::is_signed_v<T> && length && ((bits >> signAt) & 1);
    uint64_t field = at >= width ? 0 : uint64_t(bits) >> at;
    unsigned have = at >= width ? 0 : std::min(length, width - at);
    uint64_t low = have >= 64 ? ~uint64_t(0) : (uint64_t(1) << have) - 1;
    field &= low;
    if (sign)
      field |= ~low;
    d[l] = put(T(field));
  });
}

template <typename T>
void insertField(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]),
         c = warp.source(instr.ops[3]), e = warp.source(instr.ops[4]);
  const unsigned width = 8 * sizeof(T);
  lanes(mask, [&](int l) {
    unsigned at = unsigned(c[l]) & 255, length = unsigned(e[l]) & 255;
    uint64_t base = get<T>(b[l]);
    if (at < width && length) {
      length = std::min(length, width - at);
      uint64_t low = length >= 64 ? ~uint64_t(0) : (uint64_t(1) << length) - 1;
      base = (base & ~(low << at)) | ((a[l] & low) << at);
    }
    d[l] = put(T(base));
  });
}

void lop3(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]),
         c = warp.source(instr.ops[3]);
  lanes(mask, [&](int l) {
    uint32_t result = 0;
    for (int row = 0; row < 8; ++row)
      if (instr.mods[0] >> row & 1)
        result |= (row & 4 ? uint32_t(a[l]) : ~uint32_t(a[l])) &
                  (row & 2 ? uint32_t(b[l]) : ~uint32_t(b[l])) &
                  (row & 1 ? uint32_t(c[l]) : ~uint32_t(c[l]));
    d[l] = result;
  });
}

void prmt(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]),
         c = warp.source(instr.ops[3]);
  lanes(mask, [&](int l) {
    uint64_t bytes = (uint64_t(uint32_t(b[l])) << 32) | uint32_t(a[l]);
    uint32_t result = 0, control = uint32_t(c[l]);
    for (int i = 0; i < 4; ++i) {
      unsigned pick = control >> (4 * i) & 15;
      uint32_t byte = uint32_t(bytes >> (8 * (pick & 7))) & 255;
      if (pick & 8)
        byte = byte & 128 ? 255 : 0;
      result |= byte << (8 * i);
    }
    d[l] = result;
  });
}

// and, or, xor, not: predicates are registers of 0 or 1.
template <typename Op> void logic(Build &b) {
  Type type = b.type();
  uniform(b, type, 2);
  if (type == Type::Pred)
    b.out.run = &binary<uint64_t, Op>;
  else
    setHandler(b, GPUSIM_UNSIGNED(binary, Op, type));
}

struct PredicateNot {
  uint64_t operator()(uint64_t a) { return !a; }
};

template <bool left> void shiftRule(Build &b) {
  Type type = b.type();
  b.operands(3, 3);
  b.destination(0, type);
  b.source(1, type);
  b.source(2, Type::U32);
  switch (type) {
  case Type::S16:
    return setHandler(b, &shift<int16_t, left>);
  case Type::S32:
    return setHandler(b, &shift<int32_t, left>);
  case Type::S64:
    return setHandler(b, &shift<int64_t, left>);
  default:
    return setHandler(b, typeBytes(type) == 2   ? &shift<uint16_t, left>
                         : typeBytes(type) == 4 ? &shift<uint32_t, left>
                         : typeBytes(type) == 8 ? &shift<uint64_t, left>
                                                : Handler(nullptr));
  }
}

template <typename Op> void count(Build &b) {
  Type type = b.type();
  uniform(b, type, 1);
  setHandler(b,
             typeBytes(type) < 4 ? nullptr : GPUSIM_UNSIGNED(unary, Op, type));
}

} // namespace

void addBitRules(Rules &rules) {
  rules["and"] = logic<And>;
  rules["or"] = logic<Or>;
  rules["xor"] = logic<Xor>;
  rules["not"] = [](Build &b) {
    Type type = b.type();
    uniform(b, type, 1);
    if (type == Type::Pred)
      b.out.run = &unary<uint64_t, PredicateNot>;
    else
      setHandler(b, GPUSIM_UNSIGNED(unary, Not, type));
  };
  rules["cnot"] = [](Build &b) {
    Type type = b.type();
    uniform(b, type, 1);
    setHandler(b, GPUSIM_UNSIGNED(unary, CNot, type));
  };
  rules["shl"] = shiftRule<true>;
  rules["shr"] = shiftRule<false>;
  rules["shf"] = [](Build &b) {
    int side = b.oneOf({"l", "r"}), mode = b.oneOf({"wrap", "clamp"});
    uniform(b, b.type(), 3);
    static const Handler handlers[2][2] = {
        {&funnel<true, false>, &funnel<true, true>},
        {&funnel<false, false>, &funnel<false, true>}};
    if (side < 0 || mode < 0)
      b.refuse("a funnel shift without side or mode");
    b.out.run = handlers[side][mode];
  };
  rules["popc"] = count<Popc>;
  rules["clz"] = count<Clz>;
  rules["brev"] = count<Brev>;
  rules["bfind"] = [](Build &b) {
    bool amount = b.has("shiftamt");
    Type type = b.type();
    uniform(b, type, 1);
    setHandler(b, amount ? GPUSIM_INTEGERS(unary, BfindShift, type)
                         : GPUSIM_INTEGERS(unary, Bfind, type));
  };
  rules["bfe"] = [](Build &b) {
    Type type = b.type();
    uniform(b, type, 3);
    setHandler(b, type == Type::U32   ? &extract<uint32_t>
                  : type == Type::S32 ? &extract<int32_t>
                  : type == Type::U64 ? &extract<uint64_t>
                  : type == Type::S64 ? &extract<int64_t>
                                      : Handler(nullptr));
  };
  rules["bfi"] = [](Build &b) {
    Type type = b.type();
    uniform(b, type, 4);
    setHandler(b, typeBytes(type) == 4   ? &insertField<uint32_t>
                  : typeBytes(type) == 8 ? &insertField<uint64_t>
                                         : Handler(nullptr));
  };
  rules["lop3"] = [](Build &b) {
    Type type = b.type();
    b.operands(5, 5);
    b.destination(0, type);
    for (size_t i = 1; i < 4; ++i)
      b.source(i, type);
    b.out.mods[0] = int32_t(b.integer(4) & 255);
    b.out.run = lop3;
  };
  rules["prmt"] = [](Build &b) {
    uniform(b, b.type(), 3);
    b.out.run = prmt;
  };
}

} // namespace gpusim
