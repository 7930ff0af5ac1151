// Register bits as values of C++ types, and loops over lanes.
#pragma once

#include "tools/gpusim/core/Decode.h"
#include "tools/gpusim/core/Warp.h"

#include <cstring>
#include <type_traits>

namespace gpusim {

/// The low bits of a register as a T.
template <typename T> inline T get(uint64_t bits) {
  if constexpr (std::is_integral_v<T>) {
    return T(bits);
  } else {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
  }
}
/// Bits of a register, the rest zero.
template <typename T> inline uint64_t put(T value) {
  if constexpr (std::is_integral_v<T> || sizeof(T) == 16) {
    if constexpr (sizeof(T) < 8)
      return uint64_t(std::make_unsigned_t<T>(value));
    return uint64_t(value);
  } else {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
  }
}

// d = Op(a), Op(a, b), Op(a, b, c), on operands 0 … 3.
template <typename T, typename Op>
void unary(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]);
  lanes(mask, [&](int l) { d[l] = put(Op()(get<T>(a[l]))); });
}
template <typename T, typename Op>
void binary(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]);
  lanes(mask, [&](int l) { d[l] = put(Op()(get<T>(a[l]), get<T>(b[l]))); });
}
template <typename T, typename Op>
void ternary(Warp &warp, const Instr &instr, uint32_t mask) {
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]), b = warp.source(instr.ops[2]),
         c = warp.source(instr.ops[3]);
  lanes(mask, [&](int l) {
    d[l] = put(Op()(get<T>(a[l]), get<T>(b[l]), get<T>(c[l])));
  });
}

/// The handler of an integer type: SHAPE is unary, binary or ternary.
#define GPUSIM_INTEGERS(SHAPE, OP, TYPE)                                       \
  ((TYPE) == Type::U16 || (TYPE) == Type::B16   ? &SHAPE<uint16_t, OP>         \
   : (TYPE) == Type::S16                        ? &SHAPE<int16_t, OP>          \
   : (TYPE) == Type::U32 || (TYPE) == Type::B32 ? &SHAPE<uint32_t, OP>         \
   : (TYPE) == Type::S32                        ? &SHAPE<int32_t, OP>          \
   : (TYPE) == Type::U64 || (TYPE) == Type::B64 ? &SHAPE<uint64_t, OP>         \
   : (TYPE) == Type::S64                        ? &SHAPE<int64_t, OP>          \
                                                : static_cast<Handler>(nullptr))
#define GPUSIM_UNSIGNED(SHAPE, OP, TYPE)                                       \
  (typeBytes(TYPE) == 2   ? &SHAPE<uint16_t, OP>                               \
   : typeBytes(TYPE) == 4 ? &SHAPE<uint32_t, OP>                               \
   : typeBytes(TYPE) == 8 ? &SHAPE<uint64_t, OP>                               \
                          : static_cast<Handler>(nullptr))

/// Opcodes that integers and floats share: Float.cpp asks Integer.cpp first,
/// which answers false if the type is a float's.
enum class IntegerOp { Add, Sub, Mul, Mad, Div, Min, Max, Abs, Neg };
bool integerRule(Build &b, IntegerOp op);

/// destination and `n` sources of one type.
inline void uniform(Build &b, Type type, unsigned n) {
  b.operands(n + 1, n + 1);
  b.destination(0, type);
  for (unsigned i = 1; i <= n; ++i)
    b.source(i, type);
}
inline void setHandler(Build &b, Handler handler) {
  if (!handler)
    b.refuse("this type");
  b.out.run = handler;
}

} // namespace gpusim
