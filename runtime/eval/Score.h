// What an evaluation finds.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace pgrt {

struct Score {
  double nll = 0; ///< nats, summed in the order of the positions
  int64_t tokens = 0;
  int64_t bytes = 0;
  double seconds = 0;

  /// Σ nll / ln 2 / Σ bytes
  double bitsPerByte() const {
    return bytes ? nll / std::numbers::ln2 / double(bytes) : NAN;
  }
};

} // namespace pgrt
