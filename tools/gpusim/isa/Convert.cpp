// cvt, between all the types that are known.
#include "tools/gpusim/isa/Floats.h"

#include <algorithm>

namespace gpusim {
namespace {

// mods: 0 rounding, 1 ftz, 2 saturation, 3 the source's type, 4 whether a
// float result is rounded to an integral value.
int64_t signedValue(Type type, uint64_t bits) {
  switch (typeBytes(type)) {
  case 1:
    return isSigned(type) ? int64_t(int8_t(bits)) : int64_t(uint8_t(bits));
  case 2:
    return isSigned(type) ? int64_t(int16_t(bits)) : int64_t(uint16_t(bits));
  case 4:
    return isSigned(type) ? int64_t(int32_t(bits)) : int64_t(uint32_t(bits));
  default:
    return int64_t(bits);
  }
}

uint64_t lowBits(Type type, uint64_t bits) {
  unsigned width = 8 * typeBytes(type);
  return width == 64 ? bits : bits & ((uint64_t(1) << width) - 1);
}

void limits(Type type, double &least, double &most) {
  int width = int(8 * typeBytes(type));
  most = std::ldexp(1.0, isSigned(type) ? width - 1 : width);
  least = isSigned(type) ? -most : 0;
}

uint64_t integerToInteger(const Instr &instr, Type from, uint64_t bits) {
  int64_t value = signedValue(from, bits);
  if (instr.mods[2]) {
    double least, most,
        x = isSigned(from) ? double(value) : double(uint64_t(value));
    limits(instr.type, least, most);
    if (x < least)
      return lowBits(instr.type, uint64_t(int64_t(least)));
    if (x >= most)
      return lowBits(instr.type,
                     isSigned(instr.type)
                         ? (uint64_t(1) << (8 * typeBytes(instr.type) - 1)) - 1
                         : ~uint64_t(0));
  }
  return lowBits(instr.type, uint64_t(value));
}

// Values out of range clamp, NaN is zero (for 64-bit results of f32 and f64 the
// hardware has 0x8000…).
uint64_t floatToInteger(const Instr &instr, Type from, uint64_t bits) {
  double x = decode(from, bits);
  if (instr.mods[1])
    x = flushed(x, from);
  if (std::isnan(x))
    return typeBytes(instr.type) == 8 ? uint64_t(1) << 63 : 0;
  x = roundToIntegral(x, Rounding(instr.mods[0]));
  double least, most;
  limits(instr.type, least, most);
  if (x < least)
    return lowBits(instr.type, uint64_t(int64_t(least)));
  if (x >= most)
    return isSigned(instr.type)
               ? (uint64_t(1) << (8 * typeBytes(instr.type) - 1)) - 1
               : lowBits(instr.type, ~uint64_t(0));
  return isSigned(instr.type) ? lowBits(instr.type, uint64_t(int64_t(x)))
                              : uint64_t(x);
}

uint64_t integerToFloat(const Instr &instr, Type from, uint64_t bits) {
  int64_t value = signedValue(from, bits);
  // 64 bits do not fit a double: made odd there, so that one rounding counts.
  bool negative = isSigned(from) && value < 0;
  uint64_t size = negative ? uint64_t(0) - uint64_t(value) : uint64_t(value);
  double x;
  if (instr.type == Type::F64) {
    x = double(size);
  } else {
    uint64_t kept = size;
    if (size >> 53)
      kept = (size & ~uint64_t(0xfff)) | ((size & 0xfff) ? 0x1000 : 0);
    x = double(kept);
  }
  return finished(negative ? -x : x, instr);
}

uint64_t floatToFloat(const Instr &instr, Type from, uint64_t bits) {
  double x = decode(from, bits);
  if (instr.mods[1])
    x = flushed(x, from == Type::F64 ? Type::F32 : from);
  if (instr.mods[4])
    x = roundToIntegral(x, Rounding(instr.mods[0]));
  return finished(x, instr);
}

uint64_t convert(const Instr &instr, Type from, uint64_t bits) {
  if (isFloat(from))
    return isFloat(instr.type) ? floatToFloat(instr, from, bits)
                               : floatToInteger(instr, from, bits);
  return isFloat(instr.type) ? integerToFloat(instr, from, bits)
                             : integerToInteger(instr, from, bits);
}

void general(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]);
  Type from = Type(instr.mods[3]);
  lanes(mask, [&](int l) { d[l] = convert(instr, from, a[l]); });
}

// cvt.rn.bf16x2.f32 d, a, b: a to the upper half.
void toPair(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]);
  lanes(mask, [&](int l) {
    d[l] = convert(instr, Type::F32, b[l]) |
           (convert(instr, Type::F32, a[l]) << 16);
  });
}
void toBF16Pair(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]);
  lanes(mask, [&](int l) {
    d[l] =
        toBF16(get<float>(b[l])) | (uint32_t(toBF16(get<float>(a[l]))) << 16);
  });
}

// Widening and narrowing of integers, which is most of what there is.
template <typename From, typename To>
void widen(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]);
  lanes(mask, [&](int l) { d[l] = put(To(get<From>(a[l]))); });
}

void convertRule(Build &b) {
  int integral = b.oneOf({"rni", "rzi", "rmi", "rpi"});
  int rounding = b.oneOf({"rn", "rz", "rm", "rp", "rna"});
  b.out.mods[0] = integral >= 0 ? integral : rounding >= 0 ? rounding : 0;
  b.out.mods[4] = integral >= 0;
  b.out.mods[1] = b.has("ftz");
  b.out.mods[2] = b.has("sat") || b.has("satfinite") ? 1
                  : b.has("relu")                    ? 2
                                                     : 0;
  Type to = b.type(), from = b.type();
  b.out.type = to;
  b.out.mods[3] = int32_t(from);
  if (to == Type::BF16x2 || to == Type::F16x2) {
    if (from != Type::F32)
      b.refuse("this pair of types");
    b.operands(3, 3);
    b.destination(0, to);
    b.source(1, from);
    b.source(2, from);
    bool plain =
        to == Type::BF16x2 && rounding == 0 && !b.out.mods[1] && !b.out.mods[2];
    b.out.run = plain ? toBF16Pair : toPair;
    return;
  }
  if (to == Type::Pred || from == Type::Pred || from == Type::F16x2 ||
      from == Type::BF16x2)
    b.refuse("this pair of types");
  b.operands(2, 2);
  b.destination(0, to);
  b.source(1, from);
  if (isFloat(from) && !isFloat(to) && integral < 0)
    b.refuse("a conversion to an integer without its rounding");
  b.out.run = general;
  if (!b.out.mods[2]) {
    if (typeBytes(from) == 4 && !isFloat(from) && !isFloat(to) &&
        typeBytes(to) == 8)
      b.out.run = isSigned(from) ? &widen<int32_t, int64_t>
                                 : &widen<uint32_t, uint64_t>;
    if (!isFloat(from) && !isFloat(to) && typeBytes(to) == 4 &&
        typeBytes(from) >= 4)
      b.out.run = &widen<uint32_t, uint32_t>;
  }
}

} // namespace

void addConvertRules(Rules &rules) { rules["cvt"] = convertRule; }

} // namespace gpusim
