// Fragments of matrices in the registers of a warp, as mma.sync and wgmma have
// them: lane l holds rows l / 4 and l / 4 + 8, and columns from l % 4 on.
#pragma once

#include "tools/gpusim/isa/Floats.h"

namespace gpusim {

/// Row and first column (of A: m × k) of a register of a fragment with
/// `perRegister` elements a register: 2 of 16 bits, 1 of tf32.
inline void placeOfA(int lane, int reg, int perRegister, int &row,
                     int &column) {
  row = lane / 4 + (reg & 1) * 8;
  column = (lane % 4) * perRegister + (reg >> 1) * 4 * perRegister;
}

/// Element `half` of a register.
inline float element(uint64_t bits, Type type, int half) {
  if (type == Type::BF16)
    return fromBF16(uint16_t(bits >> (16 * half)));
  if (type == Type::F16)
    return fromF16(uint16_t(bits >> (16 * half)));
  // tf32: the low 13 bits are not looked at.
  return std::bit_cast<float>(uint32_t(bits) & 0xffffe000u);
}

/// The 16 × depth tile of A that a warp's registers hold.
inline void gatherA(Warp &warp, const Operand *registers, int count, Type type,
                    int depth, float *tile) {
  int per = type == Type::TF32 ? 1 : 2;
  for (int r = 0; r < count; ++r) {
    Source a = warp.source(registers[r]);
    for (int l = 0; l < 32; ++l)
      for (int half = 0; half < per; ++half) {
        int row, column;
        placeOfA(l, r, per, row, column);
        tile[row * depth + column + half] = element(a[l], type, half);
      }
  }
}

/// sum[16][n] += a[16][depth] · b[depth][n]; the products are exact, the sums
/// are double's: hardware rounds more often (README.md).
inline void multiplyTile(const float *a, const float *b, int depth, int n,
                         double *sum) {
  for (int row = 0; row < 16; ++row)
    for (int k = 0; k < depth; ++k) {
      double x = double(a[row * depth + k]);
      const float *from = b + k * n;
      double *to = sum + row * n;
      for (int column = 0; column < n; ++column)
        to[column] += x * double(from[column]);
    }
}

/// Accumulators of a 16 × n tile: f32, or f16 two a register.
template <bool store>
void accumulators(Warp &warp, const Operand *registers, Type type, int n,
                  double *sum) {
  const bool packed = type == Type::F16;
  for (int block = 0; block < n / 8; ++block)
    for (int part = 0; part < 4; ++part) {
      const Operand &operand =
          registers[packed ? block * 2 + part / 2 : block * 4 + part];
      for (int l = 0; l < 32; ++l) {
        int row = l / 4 + (part / 2) * 8,
            column = block * 8 + 2 * (l % 4) + part % 2;
        double &value = sum[row * n + column];
        int shift = packed ? 16 * (part % 2) : 0;
        if constexpr (store) {
          uint64_t &reg = warp.reg(operand.slot)[l];
          uint64_t bits =
              packed ? encode(type, roundTo(value, type, Rounding::Nearest))
                     : nearestF32(value);
          reg = packed && shift ? (reg & 0xffff) | bits << 16 : bits;
        } else {
          uint64_t bits = warp.source(operand)[l] >> shift;
          value = packed ? double(fromF16(uint16_t(bits)))
                         : double(std::bit_cast<float>(uint32_t(bits)));
        }
      }
    }
}

} // namespace gpusim
