#include "tools/gpusim/isa/WgmmaTile.h"

#include "tools/gpusim/core/TensorMap.h"
#include "tools/gpusim/isa/Fragments.h"

namespace gpusim {

WgmmaTile readDescriptor(Warp &warp, int lane, uint64_t bits) {
  auto field = [&](int at) { return (bits >> at & 0x3fff) << 4; };
  static const unsigned swizzles[] = {0, 3, 2, 1};
  WgmmaTile tile{field(0), field(16), field(32), swizzles[bits >> 62]};
  if (bits >> 49 & 7)
    warp.fail(FaultKind::Unsupported, lane,
              "a matrix descriptor with a base offset is not supported");
  // A tile begins in the first row of its pattern of 8.
  if (tile.swizzle) {
    uint64_t pattern = uint64_t(128) << tile.swizzle;
    uint64_t row = pattern / 8;
    if (tile.start % pattern >= row)
      warp.fail(FaultKind::Misaligned, lane,
                "the matrix descriptor's start " + hex(tile.start) +
                    " is not in the first row of its swizzle's pattern of " +
                    std::to_string(pattern) + " bytes");
  }
  return tile;
}

// Where 16 bytes lie. Contiguous in k: `row` of the other dimension, chunk
// `piece` of k. Transposed: row of k, chunk `piece` of the other dimension.
static uint64_t chunkAt(const WgmmaTile &tile, bool transposed, int row,
                        int piece) {
  uint64_t r = uint64_t(row), p = uint64_t(piece);
  if (!tile.swizzle)
    return transposed
               ? tile.start + p * tile.stride + r / 8 * tile.lead + r % 8 * 16
               : tile.start + r / 8 * tile.stride + p * tile.lead + r % 8 * 16;
  uint64_t width = uint64_t(16) << tile.swizzle, pieces = width / 16;
  uint64_t address = tile.start + r / 8 * tile.stride + r % 8 * width;
  address += transposed ? p % pieces * 16 + p / pieces * tile.lead : p * 16;
  return swizzled(address, tile.swizzle);
}

template <Type type>
static void gather(Warp &warp, int lane, const WgmmaTile &tile, bool transposed,
                   int first, int count, int depth, const Actor &actor,
                   float *values) {
  using Bits = std::conditional_t<type == Type::TF32, uint32_t, uint16_t>;
  constexpr int per = 16 / sizeof(Bits);
  int rows = transposed ? depth : count,
      pieces = (transposed ? count : depth) / per;
  for (int row = 0; row < rows; ++row)
    for (int piece = 0; piece < pieces; ++piece) {
      uint64_t address = transposed
                             ? chunkAt(tile, true, row, piece + first / per)
                             : chunkAt(tile, false, row + first, piece);
      SharedPlace place =
          warp.sharedPlace(lane, address & 0x3ffff, 16, Space::Shared);
      warp.checkShared(lane, place, 16, false);
      warp.checkRace(lane, place, 16, false, actor);
      Bits bits[per];
      std::memcpy(bits, place.cta->shared.data() + place.offset, 16);
      for (int i = 0; i < per; ++i) {
        int k = transposed ? row : piece * per + i,
            other = transposed ? piece * per + i : row;
        values[k * count + other] = element(bits[i], type, 0);
      }
    }
}

void gatherShared(Warp &warp, int lane, const WgmmaTile &tile, bool transposed,
                  int first, int count, int depth, Type type,
                  const Actor &actor, float *values) {
  auto *with = type == Type::TF32   ? &gather<Type::TF32>
               : type == Type::BF16 ? &gather<Type::BF16>
                                    : &gather<Type::F16>;
  with(warp, lane, tile, transposed, first, count, depth, actor, values);
}

} // namespace gpusim
