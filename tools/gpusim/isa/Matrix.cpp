// ldmatrix and stmatrix: 8×8 tiles of 16-bit elements, a row an address.
#include "tools/gpusim/isa/Values.h"

namespace gpusim {
namespace {

// ops: registers…, address. mods: 0 tiles, 1 transposed.
void loadMatrix(Warp &warp, const Instr &instr, uint32_t mask) {
  if (!warp.together(mask, ~uint32_t(0), "ldmatrix"))
    return;
  int tiles = instr.mods[0];
  Source base = warp.source(instr.ops[size_t(tiles)]);
  uint16_t values[4][8][8];
  for (int row = 0; row < 8 * tiles; ++row) {
    const uint8_t *from = warp.access(row, base[row] + uint64_t(instr.offset),
                                      16, instr.space, Access::Read);
    std::memcpy(values[row / 8][row % 8], from, 16);
  }
  for (int tile = 0; tile < tiles; ++tile) {
    uint64_t *d = warp.reg(instr.ops[size_t(tile)].slot);
    auto &v = values[tile];
    for (int l = 0; l < 32; ++l) {
      int row = l / 4, column = 2 * (l % 4);
      d[l] = instr.mods[1]
                 ? v[column][row] | uint32_t(v[column + 1][row]) << 16
                 : v[row][column] | uint32_t(v[row][column + 1]) << 16;
    }
  }
}

void storeMatrix(Warp &warp, const Instr &instr, uint32_t mask) {
  if (!warp.together(mask, ~uint32_t(0), "stmatrix"))
    return;
  int tiles = instr.mods[0];
  Source base = warp.source(instr.ops[0]);
  for (int tile = 0; tile < tiles; ++tile) {
    Source a = warp.source(instr.ops[size_t(1 + tile)]);
    uint16_t v[8][8];
    for (int l = 0; l < 32; ++l) {
      int row = l / 4, column = 2 * (l % 4);
      for (int half = 0; half < 2; ++half) {
        uint16_t value = uint16_t(a[l] >> (16 * half));
        (instr.mods[1] ? v[column + half][row] : v[row][column + half]) = value;
      }
    }
    for (int row = 0; row < 8; ++row) {
      int lane = 8 * tile + row;
      std::memcpy(warp.access(lane, base[lane] + uint64_t(instr.offset), 16,
                              instr.space, Access::Write),
                  v[row], 16);
    }
  }
}

void matrixRule(Build &b, bool load) {
  if (!b.has("sync") || !b.has("aligned") || !b.has("m8n8"))
    b.refuse("this shape");
  int count = b.oneOf({"x1", "x2", "x4"});
  if (count < 0)
    b.refuse("this shape");
  b.out.mods[0] = 1 << count;
  b.out.mods[1] = b.has("trans");
  b.out.space = b.space();
  if (!b.has("b16"))
    b.refuse("this type");
  b.operands(2, 2);
  if (load) {
    b.destinations(0, Type::B32);
    b.address(1);
  } else {
    b.address(0);
    b.sources(1, Type::B32);
  }
  if (int(b.out.ops.size()) != b.out.mods[0] + 1)
    b.refuse("a vector of another length");
  b.out.run = load ? loadMatrix : storeMatrix;
}

void moveMatrix(Warp &warp, const Instr &instr, uint32_t mask) {
  if (!warp.together(mask, ~uint32_t(0), "movmatrix"))
    return;
  uint64_t *d = warp.reg(instr.ops[0].slot);
  Source a = warp.source(instr.ops[1]);
  uint16_t v[8][8];
  for (int l = 0; l < 32; ++l)
    for (int half = 0; half < 2; ++half)
      v[l / 4][2 * (l % 4) + half] = uint16_t(a[l] >> (16 * half));
  for (int l = 0; l < 32; ++l)
    d[l] = v[2 * (l % 4)][l / 4] | uint32_t(v[2 * (l % 4) + 1][l / 4]) << 16;
}

} // namespace

void addMatrixRules(Rules &rules) {
  rules["ldmatrix"] = [](Build &b) { matrixRule(b, true); };
  rules["stmatrix"] = [](Build &b) { matrixRule(b, false); };
  rules["movmatrix"] = [](Build &b) {
    if (!b.has("sync") || !b.has("aligned") || !b.has("m8n8") ||
        !b.has("trans") || !b.has("b16"))
      b.refuse("this form");
    uniform(b, Type::B32, 1);
    b.out.run = moveMatrix;
  };
}

} // namespace gpusim
