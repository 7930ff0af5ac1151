// IEEE 754 binary16, stored as its bits.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace pgrt {

/// The value of a float16's bits. Exact.
inline float halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = half >> 10 & 31,
           fraction = half & 0x3ff;
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  float magnitude =
      exponent ? std::bit_cast<float>((exponent + 112) << 23 | fraction << 13)
               : float(fraction) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

/// True, and the bits, if float16 holds `value` exactly. Not for NaN.
inline bool exactHalf(double value, uint16_t &half) {
  double magnitude = std::fabs(value);
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (magnitude == HUGE_VAL) {
    half = sign | 0x7c00;
    return true;
  }
  if (!(magnitude <= 65504))
    return false;
  if (magnitude < 0x1p-14) { // subnormal: a multiple of 2^-24
    double units = magnitude * 0x1p24;
    half = uint16_t(sign | uint16_t(units));
    return units == std::floor(units);
  }
  int exponent;
  double fraction = std::frexp(magnitude, &exponent) * 2048; // 1024 … 2048
  half = uint16_t(sign | uint16_t((exponent + 14) << 10) |
                  (uint16_t(fraction) & 0x3ff));
  return fraction == std::floor(fraction);
}

} // namespace pgrt
