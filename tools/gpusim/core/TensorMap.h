// What the simulated driver writes into the 128 opaque bytes of a tensor map,
// and the simulated copies read from them.
#pragma once

#include <cstdint>
#include <string>

namespace gpusim {

struct TensorMap {
  static constexpr uint32_t magicNumber = 0x6d736f74;
  uint32_t magic;
  uint8_t type; ///< as the driver's API numbers them
  uint8_t rank;
  uint8_t swizzle; ///< 0 none, 1, 2, 3: 32, 64, 128 bytes
  uint8_t elementBytes;
  uint64_t address;
  uint64_t strides[4]; ///< bytes, of dimensions 1 …
  uint32_t sizes[5];   ///< elements
  uint16_t box[5];     ///< elements
  uint16_t reserved[11];
  uint64_t check; ///< of all before it
};
static_assert(sizeof(TensorMap) == 112);

/// A sum over the bytes before `check`.
inline uint64_t tensorMapCheck(const TensorMap &map) {
  const unsigned char *bytes = reinterpret_cast<const unsigned char *>(&map);
  uint64_t sum = 14695981039346656037u;
  for (unsigned i = 0; i < sizeof(TensorMap) - 8; ++i)
    sum = (sum ^ bytes[i]) * 1099511628211u;
  return sum;
}

/// What a tensor map is made of, as the driver's API numbers things.
struct TensorMapArguments {
  int type = 0, interleave = 0, swizzle = 0, fill = 0;
  unsigned rank = 0;
  uint64_t address = 0;
  uint64_t sizes[5] = {};   ///< elements
  uint64_t strides[4] = {}; ///< bytes, of dimensions 1 …
  uint32_t box[5] = {};     ///< elements
  uint32_t elementStrides[5] = {};
};
/// Fills `map`; or says what the documentation does not allow, or what is not
/// supported here.
std::string encodeTensorMap(const TensorMapArguments &from, TensorMap &map);

/// Where a byte of a swizzled tile lies: the address with bits 4 … exchanged.
inline uint64_t swizzled(uint64_t address, unsigned swizzle) {
  return address ^ ((address >> 7 & ((1u << swizzle) - 1)) << 4);
}

} // namespace gpusim
