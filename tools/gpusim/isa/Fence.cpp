// Fences, and setmaxnreg.
#include "tools/gpusim/isa/Values.h"

namespace gpusim {
namespace {

void nothing(Warp &, const Instr &, uint32_t) {}

void proxyAsync(Warp &warp, const Instr &, uint32_t mask) {
  lanes(mask, [&](int l) { proxyFence(warp.clocks[l]); });
}

void mbarrierInit(Warp &warp, const Instr &, uint32_t mask) {
  lanes(mask, [&](int l) {
    for (auto &[offset, barrier] : warp.cta.mbarriers)
      if (barrier.initThread == warp.clocks[l].id)
        barrier.initVisible = true;
  });
}

void setMaxRegisters(Warp &warp, const Instr &instr, uint32_t mask) {
  if (!warp.together(mask, warp.live, "setmaxnreg"))
    return;
  uint32_t count = uint32_t(instr.mods[0]);
  int lane = __builtin_ctz(mask);
  if (count % 8 || count < 24 || count > 256)
    warp.fail(FaultKind::Launch, lane,
              std::to_string(count) +
                  " registers: has to be a multiple of 8 from 24 to 256");
  bool increase = instr.mods[1];
  if (warp.registerLimit &&
      (increase ? count < warp.registerLimit : count > warp.registerLimit))
    warp.fail(FaultKind::Launch, lane,
              "changes " + std::to_string(warp.registerLimit) +
                  " registers to " + std::to_string(count));
  warp.registerLimit = count;
}

} // namespace

void addFenceRules(Rules &rules) {
  // Orders of generic accesses: barriers and atomics carry them here.
  rules["membar"] = [](Build &b) {
    b.oneOf({"cta", "gl", "sys", "gpu"});
    b.out.run = nothing;
  };
  rules["fence"] = [](Build &b) {
    b.out.run = nothing;
    if (b.has("proxy")) {
      bool async = b.has("async");
      if (!b.prefixed("async::").empty() ||
          !b.prefixed("tensormap::").empty()) {
        // Between generic proxies of one kind or of tensor maps.
        b.oneOf({"acquire", "release"});
        b.oneOf({"cta", "cluster", "gpu", "sys"});
        return;
      }
      if (!async && !b.has("alias"))
        b.refuse("this proxy");
      Space space = b.space();
      if (async && (space == Space::Generic || space == Space::Shared))
        b.out.run = proxyAsync;
      return;
    }
    if (b.has("mbarrier_init")) {
      b.has("release");
      b.has("cluster");
      b.out.run = mbarrierInit;
      return;
    }
    b.oneOf({"sc", "acq_rel", "acquire", "release"});
    b.has("sync_restrict::shared::cta");
    b.oneOf({"cta", "cluster", "gpu", "sys"});
  };
  rules["setmaxnreg"] = [](Build &b) {
    int which = b.oneOf({"dec", "inc"});
    if (which < 0 || !b.has("sync") || !b.has("aligned"))
      b.refuse("this form");
    b.type();
    b.operands(1, 1);
    b.out.mods[0] = int32_t(b.integer(0));
    b.out.mods[1] = which;
    b.out.run = setMaxRegisters;
  };
}

} // namespace gpusim
