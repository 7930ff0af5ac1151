// Rounding a double to narrower formats, and their bits. Results that are
// computed in double with rounding to odd and then rounded once more are the
// correctly rounded results of the narrow operation: double has more than twice
// the digits of each format here.
#pragma once

#include "tools/gpusim/ptx/Syntax.h"

#include <bit>
#include <cmath>

namespace gpusim {

enum class Rounding : int { Nearest, Zero, Down, Up, Away };

/// x rounded to F16, BF16, TF32, F32 (or F64: x itself), exactly representable
/// again; overflow gives infinity or the greatest number as the mode says.
double roundTo(double x, Type format, Rounding mode);
/// To an integral value.
double roundToIntegral(double x, Rounding mode);

/// The value of a register's low bits; the packed types' first half.
double decode(Type format, uint64_t bits);
/// Bits of a value that is representable; NaN becomes the canonical one.
uint64_t encode(Type format, double value);

/// a + b, and quotient and root, rounded to odd.
double oddSum(double a, double b);
double oddQuotient(double a, double b);
double oddRoot(double a);

/// Bits of the nearest f32: what encode makes of what roundTo makes.
inline uint64_t nearestF32(double x) {
  return std::isnan(x) ? 0x7fffffff : std::bit_cast<uint32_t>(float(x));
}

/// The nearest, quickly.
inline uint16_t toBF16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return 0x7fff;
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
inline float fromBF16(uint16_t bits) {
  return std::bit_cast<float>(uint32_t(bits) << 16);
}
float fromF16(uint16_t bits);
uint16_t toF16(float x);

} // namespace gpusim
