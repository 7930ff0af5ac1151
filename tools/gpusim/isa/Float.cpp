// Arithmetic of f16, bf16, f32 and f64, packed types too.
#include "tools/gpusim/isa/Floats.h"

namespace gpusim {
namespace {

struct Add {
  double operator()(double a, double b) { return oddSum(a, b); }
  float operator()(float a, float b) { return a + b; }
};
struct Sub {
  double operator()(double a, double b) { return oddSum(a, -b); }
  float operator()(float a, float b) { return a - b; }
};
struct Mul { // exact: 48 digits
  double operator()(double a, double b) { return a * b; }
  float operator()(float a, float b) { return a * b; }
};
struct Div {
  double operator()(double a, double b) { return oddQuotient(a, b); }
  float operator()(float a, float b) { return a / b; }
};
struct Fma {
  double operator()(double a, double b, double c) { return oddSum(a * b, c); }
  float operator()(float a, float b, float c) { return std::fma(a, b, c); }
};
template <bool max, bool nan> struct Least {
  template <typename T> T operator()(T a, T b) {
    if (std::isnan(a) || std::isnan(b))
      return nan ? T(NAN) : std::isnan(a) ? b : a;
    if (a == b) // −0 is less than +0
      return std::signbit(a) == max ? b : a;
    return (a < b) != max ? a : b;
  }
};
struct Abs {
  double operator()(double a) { return std::fabs(a); }
};
struct Neg {
  double operator()(double a) { return -a; }
};
struct Sqrt {
  double operator()(double a) { return oddRoot(a); }
};
struct Reciprocal {
  double operator()(double a) { return oddQuotient(1, a); }
};

// f64, to nearest.
struct Add64 {
  double operator()(double a, double b) { return a + b; }
};
struct Sub64 {
  double operator()(double a, double b) { return a - b; }
};
struct Mul64 {
  double operator()(double a, double b) { return a * b; }
};
struct Div64 {
  double operator()(double a, double b) { return a / b; }
};
struct Fma64 {
  double operator()(double a, double b, double c) { return std::fma(a, b, c); }
};
struct Sqrt64 {
  double operator()(double a) { return std::sqrt(a); }
};
struct Reciprocal64 {
  double operator()(double a) { return 1 / a; }
};

// The handler by type: f32 to nearest and plain is quick.
template <typename Op, typename Op64, unsigned n> void arithmetic(Build &b) {
  FloatModifiers m = floatModifiers(b);
  if (n == 3) // what this would mean: an fma
    b.has("full");
  Type type = b.out.type;
  uniform(b, type, n);
  if (type == Type::F64) {
    if (m.rounding != Rounding::Nearest || m.flush || m.saturate)
      b.refuse("a rounding mode of f64");
    if constexpr (n == 1)
      b.out.run = &unary<double, Op64>;
    else if constexpr (n == 2)
      b.out.run = &binary<double, Op64>;
    else
      b.out.run = &ternary<double, Op64>;
    return;
  }
  if constexpr (n == 1) {
    b.out.run = &general1<Op>;
  } else if constexpr (n == 2) {
    b.out.run = m.plain(type) ? &binary<float, Op> : &general2<Op>;
  } else {
    b.out.run = m.plain(type) ? &ternary<float, Op> : &general3<Op>;
  }
}

template <bool max> void leastRule(Build &b) {
  if (integerRule(b, max ? IntegerOp::Max : IntegerOp::Min))
    return;
  bool nan = b.has("NaN");
  FloatModifiers m = floatModifiers(b);
  Type type = b.out.type;
  uniform(b, type, 2);
  if (type == Type::F64)
    b.out.run = nan ? nullptr : &binary<double, Least<max, false>>;
  else if (m.plain(type))
    b.out.run = nan ? &binary<float, Least<max, true>>
                    : &binary<float, Least<max, false>>;
  else
    b.out.run =
        nan ? &general2<Least<max, true>> : &general2<Least<max, false>>;
  setHandler(b, b.out.run);
}

// abs and neg work on the sign bit, NaN included.
template <bool negate>
void signs(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]);
  uint64_t sign = instr.type == Type::F64      ? uint64_t(1) << 63
                  : instr.type == Type::F32    ? 0x80000000
                  : typeBytes(instr.type) == 4 ? 0x80008000
                                               : 0x8000;
  lanes(mask, [&](int l) { d[l] = negate ? a[l] ^ sign : a[l] & ~sign; });
}

template <bool negate> void signRule(Build &b) {
  if (integerRule(b, negate ? IntegerOp::Neg : IntegerOp::Abs))
    return;
  FloatModifiers m = floatModifiers(b);
  uniform(b, b.out.type, 1);
  if (m.flush)
    b.out.run = negate ? &general1<Neg> : &general1<Abs>;
  else
    b.out.run = &signs<negate>;
}

void copysign(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]);
  uint64_t sign = instr.type == Type::F64 ? uint64_t(1) << 63 : 0x80000000;
  lanes(mask, [&](int l) { d[l] = (b[l] & ~sign) | (a[l] & sign); });
}

void testp(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]);
  lanes(mask, [&](int l) {
    double x = decode(instr.type, a[l]);
    double least = instr.type == Type::F64 ? 0x1p-1022 : 0x1p-126;
    bool small = x != 0 && std::fabs(x) < least;
    bool results[] = {std::isfinite(x),
                      std::isinf(x),
                      !std::isnan(x),
                      std::isnan(x),
                      std::isfinite(x) && x != 0 && !small,
                      small};
    d[l] = results[instr.mods[0]];
  });
}

} // namespace

FloatModifiers floatModifiers(Build &b) {
  FloatModifiers m;
  int rounding = b.oneOf({"rn", "rz", "rm", "rp", "rna"});
  m.rounding = rounding < 0 ? Rounding::Nearest : Rounding(rounding);
  m.flush = b.has("ftz");
  m.saturate = b.has("sat") ? 1 : b.has("relu") ? 2 : 0;
  Type type = b.type();
  if (!isFloat(type))
    b.refuse("this type");
  b.out.type = type;
  b.out.mods[0] = int(m.rounding);
  b.out.mods[1] = m.flush;
  b.out.mods[2] = m.saturate;
  return m;
}

void addFloatRules(Rules &rules) {
  rules["add"] = [](Build &b) {
    if (!integerRule(b, IntegerOp::Add))
      arithmetic<Add, Add64, 2>(b);
  };
  rules["sub"] = [](Build &b) {
    if (!integerRule(b, IntegerOp::Sub))
      arithmetic<Sub, Sub64, 2>(b);
  };
  rules["mul"] = [](Build &b) {
    if (!integerRule(b, IntegerOp::Mul))
      arithmetic<Mul, Mul64, 2>(b);
  };
  rules["mad"] = [](Build &b) {
    if (!integerRule(b, IntegerOp::Mad))
      arithmetic<Fma, Fma64, 3>(b);
  };
  rules["fma"] = arithmetic<Fma, Fma64, 3>;
  rules["div"] = [](Build &b) {
    if (integerRule(b, IntegerOp::Div))
      return;
    if (b.has("approx") || b.has("full"))
      return approximateDivision(b);
    arithmetic<Div, Div64, 2>(b);
  };
  rules["sqrt"] = [](Build &b) {
    if (b.has("approx"))
      return approximateRoot(b);
    arithmetic<Sqrt, Sqrt64, 1>(b);
  };
  rules["rcp"] = [](Build &b) {
    if (b.has("approx"))
      return approximateReciprocal(b);
    arithmetic<Reciprocal, Reciprocal64, 1>(b);
  };
  rules["min"] = leastRule<false>;
  rules["max"] = leastRule<true>;
  rules["abs"] = signRule<false>;
  rules["neg"] = signRule<true>;
  rules["copysign"] = [](Build &b) {
    b.out.type = b.type();
    uniform(b, b.out.type, 2);
    b.out.run = copysign;
  };
  rules["testp"] = [](Build &b) {
    int what = b.oneOf(
        {"finite", "infinite", "number", "notanumber", "normal", "subnormal"});
    if (what < 0)
      b.refuse("this test");
    b.out.mods[0] = what;
    b.out.type = b.type();
    uniform(b, b.out.type, 1);
    b.out.run = testp;
  };
}

} // namespace gpusim
