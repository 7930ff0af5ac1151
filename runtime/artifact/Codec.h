// Lossless steps between a model's bytes and its artifact: what `pack` names,
// in its order.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace pgrt {

/// One step. `decode(encode(x)) == x` for every x, and equal input gives equal
/// output.
class Codec {
public:
  virtual ~Codec() = default;
  virtual std::string encode(std::string_view bytes) const = 0;
  /// Throws Error for bytes that `encode` did not make, and for more than
  /// `limit` bytes of output.
  virtual std::string decode(std::string_view bytes, size_t limit) const = 0;
};

/// Byte i of the input goes to stream i mod `stride`; the streams follow each
/// other. Behind it, the high bytes of 16-bit numbers stand together. Format:
/// "BSHF", the stride as a byte, the streams. 1 ≤ stride ≤ 255.
std::unique_ptr<Codec> makeShuffle(int stride);

/// Brotli (RFC 7932) with its largest window, quality 0 to 11.
std::unique_ptr<Codec> makeBrotli(int quality);

/// zlib (RFC 1950), level 0 to 9.
std::unique_ptr<Codec> makeZlib(int level);

/// xz with LZMA2, preset 0 to 9.
std::unique_ptr<Codec> makeLzma(int preset);

} // namespace pgrt
