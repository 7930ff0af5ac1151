// SHA-256 (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pgrt {

using Digest = std::array<uint8_t, 32>;

/// Incremental SHA-256: update any number of times, then finish once.
class Sha256 {
public:
  void update(const void *data, size_t size);
  void update(std::string_view bytes) { update(bytes.data(), bytes.size()); }
  Digest finish();

private:
  void compress(const uint8_t *blocks, size_t count);

  std::array<uint32_t, 8> state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                   0xa54ff53a, 0x510e527f, 0x9b05688c,
                                   0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending = {};
  size_t pendingSize = 0;
  uint64_t totalBytes = 0;
};

/// Digest of one piece of memory.
Digest sha256(std::string_view bytes);

/// Lower-case hexadecimal digits, two a byte.
std::string toHex(const Digest &digest);

} // namespace pgrt
