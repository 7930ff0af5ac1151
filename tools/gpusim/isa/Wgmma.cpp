// wgmma: each warp of the warpgroup computes its own 16 rows when it issues the
// instruction. That the result is not there until a wait, and that the tiles
// are read until then, is what the checks know (Warp.h).
#include "tools/gpusim/isa/Fragments.h"
#include "tools/gpusim/isa/WgmmaTile.h"

#include <algorithm>

namespace gpusim {
namespace {

uint32_t agentOf(Warp &warp) {
  return warp.cta.cluster.agent(Cluster::WgmmaAgent,
                                warp.threadId(0) - warp.index % 4 * 32);
}

void useRegister(Warp &warp, const Operand &operand) {
  if (operand.slot < 0)
    return;
  size_t slot = size_t(operand.slot);
  if (!warp.fenceStep || warp.writeStep[slot] > warp.fenceStep)
    warp.fail(FaultKind::WgmmaFence, 0,
              "uses a register that was written after the last wgmma.fence");
  warp.inFlight[slot] = warp.wgmmaCommitted + 1;
}

// ops: d…, a… or its descriptor, b's descriptor, scale of d. type: of a and b;
// mods: 0 n, 1 type of d, 2 registers of d, 3 registers of a (0: descriptor),
// 4 flags: 1 negate a, 2 negate b, 4 transpose a, 8 transpose b.
void multiply(Warp &warp, const Instr &instr, uint32_t mask) {
  if (!warp.together(mask, ~uint32_t(0), "wgmma"))
    return;
  int n = instr.mods[0], depth = instr.type == Type::TF32 ? 8 : 16,
      flags = instr.mods[4];
  Type sums = Type(instr.mods[1]);
  const Operand *d = instr.ops.data(), *a = d + instr.mods[2];
  size_t right = size_t(instr.mods[2] + (instr.mods[3] ? instr.mods[3] : 1));
  for (int i = 0; i < instr.mods[2]; ++i)
    useRegister(warp, d[i]);
  for (int i = 0; i < instr.mods[3]; ++i)
    useRegister(warp, a[i]);
  warp.wgmmaIssued = warp.wgmmaCommitted + 1;
  ++warp.wgmmaCount;

  Actor actor = warp.agentActor(0, agentOf(warp), warp.wgmmaIssued);
  float left[16 * 16], column[16 * 16];
  std::vector<float> b(size_t(depth) * size_t(n));
  if (instr.mods[3]) {
    gatherA(warp, a, instr.mods[3], instr.type, depth, left);
  } else {
    WgmmaTile tile = readDescriptor(warp, 0, warp.source(*a)[0]);
    actor.swizzle = uint8_t(1 + tile.swizzle);
    gatherShared(warp, 0, tile, flags & 4, int(warp.index % 4) * 16, 16, depth,
                 instr.type, actor, column);
    for (int k = 0; k < depth; ++k)
      for (int row = 0; row < 16; ++row)
        left[row * depth + k] = column[k * 16 + row];
  }
  WgmmaTile tile = readDescriptor(warp, 0, warp.source(instr.ops[right])[0]);
  actor.swizzle = uint8_t(1 + tile.swizzle);
  gatherShared(warp, 0, tile, flags & 8, 0, n, depth, instr.type, actor,
               b.data());
  std::vector<double> sum(16 * size_t(n), 0);
  if (warp.predicate(instr.ops[right + 1], 0))
    accumulators<false>(warp, d, sums, n, sum.data());
  if (((flags & 1) != 0) != ((flags & 2) != 0))
    for (int i = 0; i < 16 * depth; ++i)
      left[i] = -left[i];
  multiplyTile(left, b.data(), depth, n, sum.data());
  accumulators<true>(warp, d, sums, n, sum.data());
}

void fence(Warp &warp, const Instr &, uint32_t mask) {
  if (warp.together(mask, ~uint32_t(0), "wgmma.fence"))
    warp.fenceStep = warp.steps;
}

void commit(Warp &warp, const Instr &, uint32_t mask) {
  if (warp.together(mask, ~uint32_t(0), "wgmma.commit_group"))
    ++warp.wgmmaCommitted;
}

void waitGroups(Warp &warp, const Instr &instr, uint32_t mask) {
  if (!warp.together(mask, ~uint32_t(0), "wgmma.wait_group"))
    return;
  uint32_t open = uint32_t(instr.mods[0]);
  if (warp.wgmmaCommitted <= open)
    return;
  // A wgmma is the whole warpgroup's: it is not done before all have issued it.
  if (!warp.warpgroupCommitted(warp.wgmmaCommitted - open)) {
    LaneGroup wait;
    wait.wait = Wait::Warpgroup;
    wait.wanted = warp.wgmmaCommitted - open;
    return warp.waitHere(wait);
  }
  warp.wgmmaCompleted =
      std::max(warp.wgmmaCompleted, warp.wgmmaCommitted - open);
  lanes(mask, [&](int l) {
    acquireAgent(warp.clocks[l], agentOf(warp), warp.wgmmaCompleted);
  });
}

void multiplyRule(Build &b) {
  std::string shape = b.prefixed("m64n");
  size_t at = shape.find('k');
  if (at == std::string::npos)
    b.refuse("this shape");
  int n = std::atoi(shape.c_str() + 4), k = std::atoi(shape.c_str() + at + 1);
  Type d = b.type(), left = b.type(), right = b.type();
  bool wide = left == Type::TF32;
  if (left != right || (d != Type::F32 && d != Type::F16) ||
      (left != Type::BF16 && left != Type::F16 && !wide) ||
      (d == Type::F16 && left != Type::F16))
    b.refuse("these types");
  if (n < 8 || n > 256 || n % 8 || k != (wide ? 8 : 16))
    b.refuse("this shape");
  b.out.type = left;
  b.out.use = RegisterUse::Wgmma;
  b.out.mods[0] = n;
  b.out.mods[1] = int32_t(d);
  b.out.mods[2] = d == Type::F32 ? n / 2 : n / 4;
  bool fromRegisters = b.operand(1).kind == PtxOperand::Vector;
  b.out.mods[3] = fromRegisters ? 4 : 0;
  size_t transposes = wide ? 0 : fromRegisters ? 1 : 2;
  b.operands(6 + transposes, 6 + transposes);
  b.destinations(0, d);
  b.sources(1, fromRegisters ? Type::B32 : Type::B64);
  b.source(2, Type::B64);
  b.source(3, Type::Pred);
  if (int(b.out.ops.size()) != b.out.mods[2] + (fromRegisters ? 4 : 1) + 2)
    b.refuse("so many registers");
  auto sign = [&](size_t i) {
    int64_t value = int64_t(b.integer(i));
    if (value != 1 && value != -1)
      b.refuse("this scale");
    return value < 0;
  };
  int flags = sign(4) * 1 + sign(5) * 2;
  if (transposes == 2)
    flags += (b.integer(6) ? 4 : 0) + (b.integer(7) ? 8 : 0);
  else if (transposes == 1)
    flags += b.integer(6) ? 8 : 0;
  b.out.mods[4] = flags;
  b.decoder.kernel.usesWgmma = true;
  b.out.run = multiply;
}

} // namespace

void addWgmmaRules(Rules &rules) {
  rules["wgmma"] = [](Build &b) {
    bool isFence = b.has("fence"), isCommit = b.has("commit_group"),
         isWait = b.has("wait_group"), isMultiply = b.has("mma_async");
    if (!b.has("sync") || !b.has("aligned"))
      b.refuse("this form");
    b.out.use = RegisterUse::Wgmma;
    if (isMultiply)
      return multiplyRule(b);
    if (isFence) {
      b.out.run = fence;
    } else if (isCommit) {
      b.out.run = commit;
    } else if (isWait) {
      b.operands(1, 1);
      b.out.mods[0] = int32_t(b.integer(0));
      b.out.run = waitGroups;
    } else {
      b.refuse("this form");
    }
  };
}

} // namespace gpusim
