// Lossless steps between a model's bytes and its artifact: what `pack` names,
// in its order.
#pragma once

#include <cstdint>
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

/// The codec that `pack` calls so: "shuffle", "brotli", "zlib" or "lzma".
/// Throws Error for another name, with the nearest one, or a bad argument.
/// "base3" is none of these: it acts on leaves, see below.
std::unique_ptr<Codec> makeCodec(const std::string &name, int64_t argument);

/// Codes −1, 0, 1, a byte each: five in a byte, or a bit mask and the signs of
/// what is not zero, whichever is shorter; the first byte says which.
std::string encodeBase3(std::string_view codes);

/// How many of `bytes` hold the first `count` codes. Throws Error if they are
/// too few.
size_t base3Size(std::string_view bytes, size_t count);

/// `count` codes from exactly their bytes. Throws Error for bytes that
/// encodeBase3 did not make.
std::string decodeBase3(std::string_view bytes, size_t count);

} // namespace pgrt
