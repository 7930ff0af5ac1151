#include "tools/gpusim/core/TensorMap.h"

namespace gpusim {

std::string encodeTensorMap(const TensorMapArguments &from, TensorMap &map) {
  static const uint8_t bytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  if (from.type < 0 || from.type >= int(sizeof(bytes)))
    return "this data type is not supported";
  if (from.rank < 1 || from.rank > 5)
    return "the rank is not 1 … 5";
  if (from.interleave)
    return "interleaved layouts are not supported";
  if (from.fill)
    return "filling with NaN is not supported";
  if (from.swizzle < 0 || from.swizzle > 3)
    return "this swizzle is not supported";
  if (!from.address || from.address % 16)
    return "the global address is not a multiple of 16";
  map = TensorMap();
  map.magic = TensorMap::magicNumber;
  map.type = uint8_t(from.type);
  map.rank = uint8_t(from.rank);
  map.swizzle = uint8_t(from.swizzle);
  map.elementBytes = bytes[from.type];
  map.address = from.address;
  for (unsigned d = 0; d < from.rank; ++d) {
    if (!from.sizes[d] || from.sizes[d] >> 32)
      return "dimension " + std::to_string(d) + " is not 1 … 2^32 - 1";
    if (!from.box[d] || from.box[d] > 256)
      return "box dimension " + std::to_string(d) + " is not 1 … 256";
    if (from.elementStrides[d] != 1)
      return "element strides other than 1 are not supported";
    map.sizes[d] = uint32_t(from.sizes[d]);
    map.box[d] = uint16_t(from.box[d]);
    if (!d)
      continue;
    uint64_t stride = from.strides[d - 1];
    if (!stride || stride % 16 || stride >> 40)
      return "the stride of dimension " + std::to_string(d) +
             " is not a multiple of 16 below 2^40";
    map.strides[d - 1] = stride;
  }
  uint64_t inner = uint64_t(from.box[0]) * map.elementBytes;
  if (inner % 16)
    return "the box's inner dimension is not a multiple of 16 bytes";
  uint64_t width = uint64_t(16) << from.swizzle;
  if (from.swizzle && inner > width)
    return "the box's inner dimension is wider than the swizzle";
  if (from.swizzle && inner != width)
    return "an inner dimension narrower than the swizzle is not supported";
  map.check = tensorMapCheck(map);
  return "";
}

} // namespace gpusim
