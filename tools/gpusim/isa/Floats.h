// What floating-point instructions have in common.
#pragma once

#include "tools/gpusim/isa/Values.h"
#include "tools/gpusim/numeric/Round.h"

namespace gpusim {

struct FloatModifiers {
  Rounding rounding = Rounding::Nearest;
  bool flush = false;
  int saturate = 0; ///< 1: to 0 … 1, 2: relu
  bool plain(Type type) const {
    return type == Type::F32 && rounding == Rounding::Nearest && !flush &&
           !saturate;
  }
};
/// Takes rounding, .ftz, .sat, .relu and the type; sets out.type and
/// out.mods[0 … 2].
FloatModifiers floatModifiers(Build &b);

// Approximate.cpp
void approximateDivision(Build &b);
void approximateRoot(Build &b);
void approximateReciprocal(Build &b);

inline double flushed(double x, Type type) {
  double least = type == Type::F16 || type == Type::F16x2 ? 0x1p-14 : 0x1p-126;
  return std::fabs(x) < least ? std::copysign(0.0, x) : x;
}

/// Rounds and encodes what an operation gave.
inline uint64_t finished(double x, const Instr &instr) {
  x = roundTo(x, instr.type, Rounding(instr.mods[0]));
  if (instr.mods[1])
    x = flushed(x, instr.type);
  if (instr.mods[2] == 1)
    x = std::isnan(x) || x <= 0 ? 0 : x > 1 ? 1 : x;
  else if (instr.mods[2] == 2 && x < 0)
    x = 0;
  return encode(instr.type, x);
}
inline double operandValue(uint64_t bits, const Instr &instr) {
  double x = decode(instr.type, bits);
  return instr.mods[1] ? flushed(x, instr.type) : x;
}

/// Through double, for every narrow type, rounding mode and modifier.
template <typename F>
void generalLanes(Warp &warp, const Instr &instr, uint32_t mask, F value) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  bool packed = instr.type == Type::F16x2 || instr.type == Type::BF16x2;
  lanes(mask, [&](int l) {
    uint64_t result = finished(value(l, 0), instr);
    if (packed)
      result |= finished(value(l, 16), instr) << 16;
    d[l] = result;
  });
}
template <typename Op>
void general1(Warp &warp, const Instr &instr, uint32_t mask) {
  Source a = warp.source(instr.ops[1]);
  generalLanes(warp, instr, mask, [&](int l, int shift) {
    return double(Op()(operandValue(a[l] >> shift, instr)));
  });
}
template <typename Op>
void general2(Warp &warp, const Instr &instr, uint32_t mask) {
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]);
  generalLanes(warp, instr, mask, [&](int l, int shift) {
    return double(Op()(operandValue(a[l] >> shift, instr),
                       operandValue(b[l] >> shift, instr)));
  });
}
template <typename Op>
void general3(Warp &warp, const Instr &instr, uint32_t mask) {
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]),
         c = warp.source(instr.ops[3]);
  generalLanes(warp, instr, mask, [&](int l, int shift) {
    return double(Op()(operandValue(a[l] >> shift, instr),
                       operandValue(b[l] >> shift, instr),
                       operandValue(c[l] >> shift, instr)));
  });
}

} // namespace gpusim
