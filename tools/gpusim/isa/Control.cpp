// Branches, ends, and what does nothing here.
#include "tools/gpusim/isa/Values.h"

namespace gpusim {
namespace {

void branch(Warp &warp, const Instr &instr, uint32_t mask) {
  if (instr.mods[0] && mask != warp.group().mask)
    warp.fail(FaultKind::Convergence, __builtin_ctz(mask),
              "a branch that says .uni is taken by some lanes alone");
  warp.branch(mask, instr.target);
}

void end(Warp &warp, const Instr &, uint32_t mask) { warp.exitLanes(mask); }

void trap(Warp &warp, const Instr &, uint32_t mask) {
  warp.fail(FaultKind::Trap, __builtin_ctz(mask), "the program says so");
}

void nothing(Warp &, const Instr &, uint32_t) {}

void ignored(Build &b) {
  // Hints: whatever they say, they change no result.
  for (size_t i = 1; i < b.text.parts.size(); ++i)
    b.has(b.text.parts[i].c_str());
  b.out.run = nothing;
}

} // namespace

void addControlRules(Rules &rules) {
  rules["bra"] = [](Build &b) {
    b.out.mods[0] = b.has("uni");
    // A return from a call that was expanded has no label: see Decode.cpp.
    if (b.text.parts[0] == "bra") {
      b.operands(1, 1);
      if (b.operand(0).kind != PtxOperand::Label)
        b.refuse("a branch to what is not a label");
    }
    b.out.run = branch;
  };
  rules["ret"] = rules["exit"] = [](Build &b) {
    b.has("uni");
    b.operands(0, 0);
    b.out.run = end;
  };
  rules["trap"] = rules["brkpt"] = [](Build &b) { b.out.run = trap; };
  rules["nanosleep"] = rules["prefetch"] = rules["prefetchu"] =
      rules["griddepcontrol"] = rules["applypriority"] = rules["pmevent"] =
          ignored;
}

} // namespace gpusim
