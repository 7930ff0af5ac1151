#include "runtime/support/Philox.h"
#include "runtime/support/Sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace pgrt {

PhiloxStream::PhiloxStream(uint64_t seed, std::string_view name)
    : seed(seed), stream(0) {
  Digest digest = sha256(name);
  for (int i = 0; i < 8; ++i)
    stream |= uint64_t(digest[i]) << (8 * i);
}

// Natural logarithm for 0 < x < 2^31, normal numbers: x = 2^e m with m in [√½,
// √2), log m = 2 artanh((m − 1) / (m + 1)) by its series; |argument| ≤ 0.172,
// so five terms leave an error below 1e-9.
static inline float logOf(float x) {
  int32_t bits = std::bit_cast<int32_t>(x);
  int32_t exponent = (bits - 0x3f3504f3) >> 23; // 0x3f3504f3 is √½
  float m = std::bit_cast<float>(bits - (exponent << 23));
  float s = (m - 1.0f) / (m + 1.0f), q = s * s;
  float series =
      1.0f + q * (1.0f / 3 + q * (1.0f / 5 + q * (1.0f / 7 + q * (1.0f / 9))));
  return float(exponent) * 0.693147180559945f + 2.0f * s * series;
}

static constexpr int batch =
    64; // blocks worked on together, so that the compiler can use vectors

// The words of `batch` blocks from `first` on, word by word: words[j][i] is
// word j of block first + i.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) &&                    \
    !defined(__SANITIZE_ADDRESS__)
#define PG_VECTOR_CLONES                                                       \
  __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PG_VECTOR_CLONES
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#undef PG_VECTOR_CLONES
#define PG_VECTOR_CLONES // resolvers run before the sanitizers do
#endif
#endif

PG_VECTOR_CLONES
static void drawBatch(uint64_t seed, uint64_t stream, uint64_t first,
                      float scale, float *out) {
  uint32_t words[4][batch];
  for (int i = 0; i < batch; ++i) {
    words[0][i] = uint32_t(first + uint64_t(i));
    words[1][i] = uint32_t((first + uint64_t(i)) >> 32);
    words[2][i] = uint32_t(stream);
    words[3][i] = uint32_t(stream >> 32);
  }
  uint32_t key0 = uint32_t(seed), key1 = uint32_t(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < batch; ++i) {
      uint64_t a = uint64_t(0xD2511F53) * words[0][i],
               b = uint64_t(0xCD9E8D57) * words[2][i];
      words[0][i] = uint32_t(b >> 32) ^ words[1][i] ^ key0;
      words[1][i] = uint32_t(b);
      words[2][i] = uint32_t(a >> 32) ^ words[3][i] ^ key1;
      words[3][i] = uint32_t(a);
    }
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  float first2[2][batch], second2[2][batch];
  for (int pair = 0; pair < 2; ++pair)
    for (int i = 0; i < batch; ++i) {
      uint32_t w = words[2 * pair][i], turn = words[2 * pair + 1][i];
      float u = (float(int32_t(w >> 1)) + 0.5f) * 0x1p-31f; // in (0, 1]
      float radius = scale * __builtin_sqrtf(-2.0f * logOf(u));
      // The angle is 2π turn / 2³² = quadrant π/2 + x with |x| ≤ π/4; sin x and
      // cos x by their series.
      uint32_t quadrant = (turn + 0x20000000u) >> 30;
      float x = float(int32_t(turn - (quadrant << 30))) *
                1.4629180792671596e-9f; // 2π / 2³²
      float q = x * x;
      float sine =
          x * (1.0f +
               q * (-1.0f / 6 + q * (1.0f / 120 + q * (-1.0f / 5040 +
                                                       q * (1.0f / 362880)))));
      float cosine =
          1.0f +
          q * (-0.5f + q * (1.0f / 24 +
                            q * (-1.0f / 720 +
                                 q * (1.0f / 40320 + q * (-1.0f / 3628800)))));
      bool swap = quadrant & 1;
      float c = swap ? sine : cosine, s = swap ? cosine : sine;
      c = ((quadrant + 1) & 2) ? -c : c; // cos is negative in quadrants 1 and 2
      s = (quadrant & 2) ? -s : s;       // sin in 2 and 3
      first2[pair][i] = radius * c;
      second2[pair][i] = radius * s;
    }
  for (int i = 0; i < batch; ++i) {
    out[4 * i] = first2[0][i];
    out[4 * i + 1] = second2[0][i];
    out[4 * i + 2] = first2[1][i];
    out[4 * i + 3] = second2[1][i];
  }
}

void PhiloxStream::normals(uint64_t begin, int64_t count, float scale,
                           float *out) const {
  constexpr int64_t width = 4 * batch;
  while (count > 0) {
    int64_t skip = int64_t(begin % width), take = std::min(count, width - skip);
    if (take == width) {
      drawBatch(seed, stream, begin / 4, scale, out);
    } else {
      float drawn[width];
      drawBatch(seed, stream, (begin - uint64_t(skip)) / 4, scale, drawn);
      std::memcpy(out, drawn + skip, size_t(take) * sizeof(float));
    }
    begin += uint64_t(take), out += take, count -= take;
  }
}

} // namespace pgrt
