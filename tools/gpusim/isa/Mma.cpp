// mma.sync m16n8k16, k8 and k4 on bf16, f16 and tf32.
#include "tools/gpusim/isa/Fragments.h"

namespace gpusim {
namespace {

// ops: d…, a…, b…, c…. type: of a and b; mods: 0 depth, 1 type of d and c, 2 to
// 4 registers of d, a, b.
void mma(Warp &warp, const Instr &instr, uint32_t mask) {
  if (!warp.together(mask, ~uint32_t(0), "mma.sync"))
    return;
  int depth = instr.mods[0];
  Type sums = Type(instr.mods[1]);
  const Operand *d = instr.ops.data(), *a = d + instr.mods[2],
                *b = a + instr.mods[3], *c = b + instr.mods[4];
  float left[16 * 16], right[16 * 8];
  double sum[16 * 8];
  gatherA(warp, a, instr.mods[3], instr.type, depth, left);
  int per = instr.type == Type::TF32 ? 1 : 2;
  for (int r = 0; r < instr.mods[4]; ++r) {
    Source from = warp.source(b[r]);
    for (int l = 0; l < 32; ++l)
      for (int half = 0; half < per; ++half)
        right[((l % 4) * per + r * 4 * per + half) * 8 + l / 4] =
            element(from[l], instr.type, half);
  }
  accumulators<false>(warp, c, sums, 8, sum);
  multiplyTile(left, right, depth, 8, sum);
  accumulators<true>(warp, d, sums, 8, sum);
}

void mmaRule(Build &b) {
  if (!b.has("sync") || !b.has("aligned"))
    b.refuse("this form");
  int shape = b.oneOf({"m16n8k16", "m16n8k8", "m16n8k4"});
  if (shape < 0 || !b.has("row") || !b.has("col"))
    b.refuse("this shape");
  int depth = shape == 0 ? 16 : shape == 1 ? 8 : 4;
  Type d = b.type(), left = b.type(), right = b.type(), c = b.type();
  bool wide = left == Type::TF32;
  if (left != right || d != c || (d != Type::F32 && d != Type::F16) ||
      (left != Type::BF16 && left != Type::F16 && !wide) ||
      (d == Type::F16 && left != Type::F16) || (wide ? shape == 0 : shape == 2))
    b.refuse("these types");
  b.out.type = left;
  b.out.mods[0] = depth;
  b.out.mods[1] = int32_t(d);
  b.out.mods[2] = d == Type::F32 ? 4 : 2;
  b.out.mods[3] = wide ? depth / 2 : depth / 4;
  b.out.mods[4] = wide ? depth / 4 : depth / 8;
  b.operands(4, 4);
  b.destinations(0, d);
  b.sources(1, Type::B32);
  b.sources(2, Type::B32);
  b.sources(3, c);
  if (int(b.out.ops.size()) !=
      2 * b.out.mods[2] + b.out.mods[3] + b.out.mods[4])
    b.refuse("so many registers");
  b.out.run = mma;
}

} // namespace

void addMmaRules(Rules &rules) { rules["mma"] = mmaRule; }

} // namespace gpusim
