// The approximate functions. Hardware's digits are not known, its greatest
// errors are: the PTX ISA states them. Results here are the true value with an
// error inside that bound, drawn from the argument's bits: the same argument
// gives the same result, and a program that needs more than is promised shows.
#include "tools/gpusim/isa/Floats.h"

namespace gpusim {
namespace {

// −1 … 1, from the argument.
double noise(double x) {
  uint64_t bits = std::bit_cast<uint64_t>(x) * 0x9e3779b97f4a7c15u;
  bits ^= bits >> 29;
  bits *= 0xbf58476d1ce4e5b9u;
  bits ^= bits >> 32;
  return double(int64_t(bits)) * 0x1p-63;
}
// Half of the bound: rounding adds its own part.
double relative(double value, double x, double bound) {
  return value * (1 + 0.5 * bound * noise(x));
}

struct Ex2 { // 2 ulp
  double operator()(double x) {
    double value = std::exp2(x);
    return x == std::floor(x) ? value : relative(value, x, 0x1p-22);
  }
};
struct Lg2 { // 2^-22 absolute between 0.5 and 2, relative elsewhere
  double operator()(double x) {
    double value = std::log2(x);
    if (x == 1 || !std::isfinite(value))
      return value;
    if (x > 0.5 && x < 2)
      return value + 0.25 * 0x1p-22 * noise(x);
    return relative(value, x, 0x1p-23);
  }
};
struct Rsqrt { // 2^-22.9
  double operator()(double x) {
    return x == 0 ? std::copysign(INFINITY, x)
                  : relative(1 / std::sqrt(x), x, 0x1p-24);
  }
};
struct Sqrt { // 2^-23
  double operator()(double x) { return relative(std::sqrt(x), x, 0x1p-25); }
};
struct Rcp { // 1 ulp
  double operator()(double x) { return relative(1 / x, x, 0x1p-25); }
};
struct Div { // 2 ulp; zero for divisors above 2^126, where 1/b underflows
  double operator()(double a, double b) {
    double value = a / b;
    return relative(value, value, 0x1p-23);
  }
};
struct DivApprox {
  double operator()(double a, double b) {
    if (std::fabs(b) > 0x1p126 && std::isfinite(b))
      return std::isinf(a) ? NAN : std::copysign(0.0, a) * b;
    return Div()(a, b);
  }
};
struct Sin { // 2^-20.5 absolute near zero
  double operator()(double x) {
    return x == 0 ? x : std::sin(x) + 0.25 * 0x1p-21 * noise(x);
  }
};
struct Cos {
  double operator()(double x) {
    return x == 0 ? 1 : std::cos(x) + 0.25 * 0x1p-21 * noise(x);
  }
};
struct Tanh { // 2^-11
  double operator()(double x) {
    double value = relative(std::tanh(x), x, 0x1p-11);
    return value > 1 ? 1 : value < -1 ? -1 : value;
  }
};

template <typename Op> void rule(Build &b) {
  if (!b.has("approx"))
    b.refuse("a function without .approx");
  floatModifiers(b);
  uniform(b, b.out.type, 1);
  if (b.out.type == Type::F64)
    b.refuse("the approximate functions of f64");
  b.out.run = &general1<Op>;
}

template <typename Op> void rule1(Build &b) {
  floatModifiers(b);
  uniform(b, b.out.type, 1);
  if (b.out.type != Type::F32)
    b.refuse("this type");
  b.out.run = &general1<Op>;
}

} // namespace

void approximateDivision(Build &b) {
  bool full = false;
  for (const std::string &part : b.text.parts)
    full |= part == "full";
  floatModifiers(b);
  uniform(b, b.out.type, 2);
  if (b.out.type != Type::F32)
    b.refuse("this type");
  b.out.run = full ? &general2<Div> : &general2<DivApprox>;
}
void approximateRoot(Build &b) { rule1<Sqrt>(b); }
void approximateReciprocal(Build &b) { rule1<Rcp>(b); }

void addApproximateRules(Rules &rules) {
  rules["ex2"] = rule<Ex2>;
  rules["lg2"] = rule<Lg2>;
  rules["rsqrt"] = rule<Rsqrt>;
  rules["sin"] = rule<Sin>;
  rules["cos"] = rule<Cos>;
  rules["tanh"] = rule<Tanh>;
}

} // namespace gpusim
