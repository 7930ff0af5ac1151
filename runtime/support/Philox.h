// Philox4x32-10, a counter-based generator: Salmon, Moraes, Dror, Shaw,
// "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Every draw is a
// function of (seed, stream, index) alone, so that order and threads do not
// matter.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace pgrt {

using PhiloxBlock = std::array<uint32_t, 4>;

/// Ten rounds on one counter.
inline PhiloxBlock philox4x32(PhiloxBlock counter, uint32_t key0,
                              uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    uint64_t a = uint64_t(0xD2511F53) * counter[0],
             b = uint64_t(0xCD9E8D57) * counter[2];
    counter = {uint32_t(b >> 32) ^ counter[1] ^ key0, uint32_t(b),
               uint32_t(a >> 32) ^ counter[3] ^ key1, uint32_t(a)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

/// The random numbers of one seed and one stream: a parameter's full name, or a
/// purpose.
class PhiloxStream {
public:
  PhiloxStream(uint64_t seed, std::string_view name);

  /// Four words; block i holds words 4i … 4i + 3.
  PhiloxBlock block(uint64_t index) const {
    return philox4x32({uint32_t(index), uint32_t(index >> 32), uint32_t(stream),
                       uint32_t(stream >> 32)},
                      uint32_t(seed), uint32_t(seed >> 32));
  }
  /// 64 random bits.
  uint64_t bits(uint64_t index) const {
    PhiloxBlock words = block(index);
    return uint64_t(words[1]) << 32 | words[0];
  }
  /// Uniform in [0, bound), bound ≥ 1. The bias is below bound / 2⁶⁴.
  uint64_t below(uint64_t index, uint64_t bound) const {
    return uint64_t((unsigned __int128)bits(index) * bound >> 64);
  }

  /// Standard normal deviates of elements [begin, begin + count), by
  /// Box–Muller: of block i, words 0 and 1 make elements 4i and 4i + 1, words 2
  /// and 3 the next two. Bits do not depend on the C library.
  void normals(uint64_t begin, int64_t count, float scale, float *out) const;

private:
  uint64_t seed, stream;
};

} // namespace pgrt
