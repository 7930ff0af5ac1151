#include "runtime/artifact/Codec.h"

#include "runtime/support/Error.h"

#include <array>

namespace pgrt {
namespace {

constexpr size_t tritsPerByte = 5; // 3⁵ = 243

enum Form : char { Trits = 'T', Mask = 'M' };

std::string encodeTrits(std::string_view codes) {
  std::string out(1, Trits);
  for (size_t at = 0; at < codes.size(); at += tritsPerByte) {
    unsigned byte = 0;
    for (size_t i = std::min(codes.size(), at + tritsPerByte); i-- > at;)
      byte = byte * 3 + unsigned(codes[i] + 1);
    out.push_back(char(byte));
  }
  return out;
}

std::string decodeTrits(std::string_view bytes, size_t count) {
  std::string codes;
  for (char packed : bytes) {
    unsigned byte = uint8_t(packed);
    for (size_t i = 0; i < tritsPerByte && codes.size() < count; ++i) {
      codes.push_back(char(int(byte % 3) - 1));
      byte /= 3;
    }
    if (byte != 0)
      failInput("the packed weights are damaged: a byte of trits is too large");
  }
  return codes;
}

/// Bits, the lowest first.
class BitWriter {
public:
  explicit BitWriter(std::string &out) : out(out) {}
  void add(bool bit) {
    if (used == 0)
      out.push_back(0);
    out.back() = char(uint8_t(out.back()) | unsigned(bit) << used);
    used = (used + 1) % 8;
  }

private:
  std::string &out;
  unsigned used = 0;
};

std::string encodeMask(std::string_view codes) {
  std::string out(1, Mask);
  BitWriter mask(out);
  for (char code : codes)
    mask.add(code != 0);
  BitWriter signs(out);
  for (char code : codes)
    if (code != 0)
      signs.add(code < 0);
  return out;
}

std::string decodeMask(std::string_view bytes, size_t count) {
  size_t maskBytes = (count + 7) / 8, next = 8 * maskBytes;
  auto bit = [&](size_t at) {
    if (at / 8 >= bytes.size())
      failInput("the packed weights are damaged: a bit mask is cut off");
    return uint8_t(bytes[at / 8]) >> at % 8 & 1;
  };
  std::string codes;
  for (size_t i = 0; i < count; ++i)
    codes.push_back(bit(i) ? (bit(next++) ? char(-1) : char(1)) : char(0));
  if ((next + 7) / 8 != bytes.size())
    failInput("the packed weights are damaged: a bit mask is too long");
  return codes;
}

} // namespace

std::string encodeBase3(std::string_view codes) {
  size_t nonzero = 0;
  for (char code : codes) {
    if (code < -1 || code > 1)
      failInput("base3: a code is ", int(code), ", not −1, 0 or 1");
    nonzero += code != 0;
  }
  size_t trits = (codes.size() + tritsPerByte - 1) / tritsPerByte,
         mask = (codes.size() + 7) / 8 + (nonzero + 7) / 8;
  return mask < trits ? encodeMask(codes) : encodeTrits(codes);
}

size_t base3Size(std::string_view bytes, size_t count) {
  if (bytes.empty())
    failInput("the packed weights are damaged: trits are cut off");
  size_t size = 1 + (count + tritsPerByte - 1) / tritsPerByte;
  if (bytes[0] == Mask) {
    size_t maskBytes = (count + 7) / 8, nonzero = 0;
    for (size_t i = 1; i <= maskBytes && i < bytes.size(); ++i)
      nonzero += size_t(__builtin_popcount(uint8_t(bytes[i])));
    size = 1 + maskBytes + (nonzero + 7) / 8;
  } else if (bytes[0] != Trits) {
    failInput("the packed weights are damaged: trits of an unknown form");
  }
  if (size > bytes.size())
    failInput("the packed weights are damaged: trits are cut off");
  return size;
}

std::string decodeBase3(std::string_view bytes, size_t count) {
  return bytes[0] == Mask ? decodeMask(bytes.substr(1), count)
                          : decodeTrits(bytes.substr(1), count);
}

} // namespace pgrt
