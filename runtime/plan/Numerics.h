// The names of the numerics that a plan can be compiled for: where values are
// rounded is said in compiler/passes/fusion/Numerics.md.
#pragma once

#include <string_view>

namespace pgrt {

inline bool isNumerics(std::string_view name) {
  return name == "f32" || name == "bf16" || name == "autocast" || name == "f64";
}

/// Whether products multiply bf16.
inline bool multipliesBf16(std::string_view numerics) {
  return numerics == "bf16" || numerics == "autocast";
}

} // namespace pgrt
