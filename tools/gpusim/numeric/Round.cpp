#include "tools/gpusim/numeric/Round.h"

#include <algorithm>

namespace gpusim {

double roundToIntegral(double x, Rounding mode) {
  switch (mode) {
  case Rounding::Nearest:
    return std::nearbyint(x);
  case Rounding::Zero:
    return std::trunc(x);
  case Rounding::Down:
    return std::floor(x);
  case Rounding::Up:
    return std::ceil(x);
  case Rounding::Away:
    return std::round(x);
  }
  return x;
}

namespace {
struct Format {
  int digits, least, most; ///< fraction bits, exponents of normal numbers
};
Format formatOf(Type type) {
  switch (type) {
  case Type::F16:
  case Type::F16x2:
    return {10, -14, 15};
  case Type::BF16:
  case Type::BF16x2:
    return {7, -126, 127};
  case Type::TF32:
    return {10, -126, 127};
  default:
    return {23, -126, 127};
  }
}
} // namespace

double roundTo(double x, Type type, Rounding mode) {
  if (type == Type::F64 || x == 0 || !std::isfinite(x))
    return x;
  if (type == Type::F32 && mode == Rounding::Nearest)
    return double(float(x));
  Format format = formatOf(type);
  int exponent = std::max(std::ilogb(x), format.least) - format.digits;
  double rounded =
      std::ldexp(roundToIntegral(std::ldexp(x, -exponent), mode), exponent);
  double most = std::ldexp(2 - std::ldexp(1.0, -format.digits), format.most);
  if (std::fabs(rounded) > most) {
    bool finite = mode == Rounding::Zero || (mode == Rounding::Down && x > 0) ||
                  (mode == Rounding::Up && x < 0);
    return std::copysign(finite ? most : INFINITY, x);
  }
  return rounded == 0 ? std::copysign(0.0, x) : rounded;
}

float fromF16(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16, exponent = bits >> 10 & 31,
           fraction = bits & 0x3ff;
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  if (exponent)
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  float small = float(fraction) * 0x1p-24f;
  return sign ? -small : small;
}

uint16_t toF16(float x) {
  return uint16_t(
      encode(Type::F16, roundTo(double(x), Type::F16, Rounding::Nearest)));
}

double decode(Type type, uint64_t bits) {
  switch (type) {
  case Type::F16:
  case Type::F16x2:
    return double(fromF16(uint16_t(bits)));
  case Type::BF16:
  case Type::BF16x2:
    return double(fromBF16(uint16_t(bits)));
  case Type::F64:
    return std::bit_cast<double>(bits);
  default:
    return double(std::bit_cast<float>(uint32_t(bits)));
  }
}

uint64_t encode(Type type, double value) {
  bool nan = std::isnan(value);
  switch (type) {
  case Type::F16:
  case Type::F16x2: {
    if (nan)
      return 0x7fff;
    uint64_t sign = std::signbit(value) ? 0x8000 : 0;
    double size = std::fabs(value);
    if (std::isinf(size))
      return sign | 0x7c00;
    if (size < 0x1p-14)
      return sign | uint64_t(size * 0x1p24);
    int exponent = std::ilogb(size);
    return sign | (uint64_t(exponent + 15) << 10) |
           (uint64_t(std::ldexp(size, 10 - exponent)) & 0x3ff);
  }
  case Type::BF16:
  case Type::BF16x2:
    return nan ? 0x7fff : std::bit_cast<uint32_t>(float(value)) >> 16;
  case Type::F64:
    return nan ? 0x7fffffffffffffff : std::bit_cast<uint64_t>(value);
  default:
    return nan ? 0x7fffffff : std::bit_cast<uint32_t>(float(value));
  }
}

// `approximate` plus something of the sign of `rest`, made odd.
static double madeOdd(double approximate, double rest) {
  if (rest == 0 || !std::isfinite(approximate) || std::isnan(rest))
    return approximate;
  uint64_t bits = std::bit_cast<uint64_t>(approximate);
  if (bits & 1)
    return approximate;
  bool outward = (rest > 0) == !std::signbit(approximate);
  if (approximate == 0)
    return std::copysign(5e-324, rest);
  return std::bit_cast<double>(outward ? bits + 1 : bits - 1);
}

double oddSum(double a, double b) {
  double sum = a + b, other = sum - a;
  double rest = (a - (sum - other)) + (b - other);
  return madeOdd(sum, rest);
}

double oddQuotient(double a, double b) {
  double quotient = a / b;
  if (!std::isfinite(quotient) || b == 0)
    return quotient;
  double rest = std::fma(-quotient, b, a);
  return madeOdd(quotient, b > 0 ? rest : -rest);
}

double oddRoot(double a) {
  double root = std::sqrt(a);
  if (!std::isfinite(root) || root == 0)
    return root;
  return madeOdd(root, std::fma(-root, root, a));
}

} // namespace gpusim
