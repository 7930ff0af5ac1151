// Arithmetic on sizes that come from files: false instead of an overflow.
#pragma once

#include <cstdint>

namespace pgrt {

inline bool checkedAdd(int64_t a, int64_t b, int64_t &sum) {
  return !__builtin_add_overflow(a, b, &sum);
}
inline bool checkedMul(int64_t a, int64_t b, int64_t &product) {
  return !__builtin_mul_overflow(a, b, &product);
}

/// True if [offset, offset + bytes) lies within [0, size).
inline bool withinBytes(int64_t offset, int64_t bytes, int64_t size) {
  return offset >= 0 && bytes >= 0 && bytes <= size && offset <= size - bytes;
}

/// Product of the sizes; false if one is negative or it overflows.
template <typename Shape>
bool checkedElements(const Shape &shape, int64_t &elements) {
  elements = 1;
  for (int64_t size : shape)
    if (size < 0 || !checkedMul(elements, size, elements))
      return false;
  return true;
}

} // namespace pgrt
