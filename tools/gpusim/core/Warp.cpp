#include "tools/gpusim/core/Warp.h"

#include <algorithm>

namespace gpusim {

Warp::Warp(Cta &cta, unsigned index)
    : cta(cta), kernel(cta.cluster.kernel), index(index) {
  uint32_t threads = cta.cluster.threadsPerCta();
  registers.assign(size_t(kernel.slots) * 32, 0);
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned thread = index * 32 + lane;
    if (thread < threads)
      live |= uint32_t(1) << lane;
    clocks[lane].past = cta.cluster.beginning;
    clocks[lane].id = cta.rank * threads + thread;
  }
  LaneGroup all;
  all.mask = live;
  groups.push_back(all);
  local.resize(kernel.localBytes * 32);
  localWritten.resize(kernel.localBytes * 32);
  if (kernel.usesWgmma) {
    inFlight.assign(size_t(kernel.slots), 0);
    writeStep.assign(size_t(kernel.slots), 0);
  }
  registerLimit = kernel.maxRegisters;
  readSpecials();
}

void Warp::readSpecials() {
  const LaunchShape &shape = cta.cluster.shape;
  auto axis = [](Special special, Special first) {
    return int(special) - int(first);
  };
  for (auto [special, slot] : kernel.specials)
    for (unsigned lane = 0; lane < 32; ++lane) {
      uint32_t thread = index * 32 + lane;
      const uint32_t *block = shape.block, *cluster = shape.cluster;
      uint32_t tid[3] = {thread % block[0], thread / block[0] % block[1],
                         thread / block[0] / block[1]};
      uint32_t bit = uint32_t(1) << lane;
      uint64_t value = 0;
      if (special <= Special::TidZ)
        value = tid[axis(special, Special::TidX)];
      else if (special <= Special::NtidZ)
        value = block[axis(special, Special::NtidX)];
      else if (special <= Special::CtaidZ)
        value = cta.id[axis(special, Special::CtaidX)];
      else if (special <= Special::NctaidZ)
        value = shape.grid[axis(special, Special::NctaidX)];
      else if (special >= Special::ClusterIdX && special <= Special::ClusterIdZ)
        value = cta.id[axis(special, Special::ClusterIdX)] /
                cluster[axis(special, Special::ClusterIdX)];
      else if (special >= Special::NClusterIdX &&
               special <= Special::NClusterIdZ)
        value = shape.grid[axis(special, Special::NClusterIdX)] /
                cluster[axis(special, Special::NClusterIdX)];
      else if (special >= Special::ClusterCtaidX &&
               special <= Special::ClusterCtaidZ)
        value = cta.id[axis(special, Special::ClusterCtaidX)] %
                cluster[axis(special, Special::ClusterCtaidX)];
      else if (special >= Special::ClusterNctaidX &&
               special <= Special::ClusterNctaidZ)
        value = cluster[axis(special, Special::ClusterNctaidX)];
      else if (special == Special::LaneId)
        value = lane;
      else if (special == Special::WarpId)
        value = index;
      else if (special == Special::NWarpId)
        value = (cta.cluster.threadsPerCta() + 31) / 32;
      else if (special == Special::NSmId)
        value = 132;
      else if (special == Special::SmId)
        value = (cta.id[0] + cta.id[1] * shape.grid[0]) % 132;
      else if (special == Special::ClusterCtaRank)
        value = shape.cooperative ? 0 : cta.rank;
      else if (special == Special::ClusterNctaRank)
        value = cluster[0] * cluster[1] * cluster[2];
      else if (special == Special::LanemaskEq)
        value = bit;
      else if (special == Special::LanemaskLe)
        value = bit | (bit - 1);
      else if (special == Special::LanemaskLt)
        value = bit - 1;
      else if (special == Special::LanemaskGe)
        value = uint32_t(~(bit - 1));
      else if (special == Special::LanemaskGt)
        value = uint32_t(~(bit | (bit - 1)));
      else if (special == Special::DynamicSmemSize)
        value = shape.dynamicShared;
      else if (special == Special::TotalSmemSize)
        value = cta.sharedBytes;
      reg(slot)[lane] = value;
    }
}

bool Warp::warpgroupCommitted(uint32_t groups) const {
  size_t first = index / 4 * 4;
  for (size_t i = first; i < first + 4 && i < cta.warps.size(); ++i)
    if (!cta.warps[i]->done() && cta.warps[i]->wgmmaCommitted < groups)
      return false;
  return true;
}

// May the group go on?
bool Warp::wake(LaneGroup &group) {
  switch (group.wait) {
  case Wait::None:
    return true;
  case Wait::Lanes:
    if ((group.mask & group.wanted) != (group.wanted & live))
      return false;
    group.wanted = 0;
    break;
  case Wait::Block: {
    BlockBarrier &barrier = cta.barriers[group.barrier];
    if (barrier.generation == group.generation)
      return false;
    // Other warps may have met there since: then it is not all of our past.
    bool ours = barrier.generation == group.generation + 1;
    lanes(group.mask,
          [&](int lane) { acquire(clocks[lane], barrier.released, ours); });
    break;
  }
  case Wait::Cluster: {
    BlockBarrier &barrier = cta.cluster.barrier;
    if (barrier.generation == group.generation)
      return false;
    lanes(group.mask,
          [&](int lane) { acquire(clocks[lane], barrier.released, true); });
    break;
  }
  case Wait::Warpgroup:
    if (!warpgroupCommitted(group.wanted))
      return false;
    group.wanted = 0;
    break;
  case Wait::MBarrier: {
    auto found = group.home->mbarriers.find(group.offset);
    if (found != group.home->mbarriers.end() &&
        (found->second.phase & 1) == group.parity)
      return false;
    break;
  }
  }
  group.wait = Wait::None;
  return true;
}

// Groups at one place become one. Groups that wait for lanes take part: that
// is how the lanes come together.
void Warp::merge() {
  for (size_t a = 0; a < groups.size(); ++a)
    for (size_t b = groups.size(); --b > a;) {
      LaneGroup &first = groups[a], &second = groups[b];
      auto joinable = [](const LaneGroup &group) {
        return group.wait == Wait::None || group.wait == Wait::Lanes;
      };
      if (first.pc != second.pc || !joinable(first) || !joinable(second))
        continue;
      first.mask |= second.mask;
      if (second.wait == Wait::Lanes && first.wait == Wait::None) {
        first.wait = Wait::Lanes;
        first.wanted = second.wanted;
      }
      groups.erase(groups.begin() + long(b));
    }
}

// Chooses the group that is furthest behind.
bool Warp::pick() {
  if (groups.size() > 1)
    merge();
  bool found = false;
  for (size_t i = 0; i < groups.size(); ++i)
    if (wake(groups[i]) && (!found || groups[i].pc < groups[current].pc)) {
      current = i;
      found = true;
    }
  return found;
}

uint64_t Warp::run(uint64_t budget) {
  uint64_t done = 0;
  const int size = int(kernel.code.size());
  while (done < budget && !groups.empty() && pick()) {
    // Until control flow or waiting changes the groups.
    for (;;) {
      LaneGroup &group = groups[current];
      if (group.pc >= size)
        throw Fault(FaultKind::Syntax,
                    "kernel '" + kernel.name + "' runs past its end");
      instr = &kernel.code[size_t(group.pc)];
      uint32_t mask = group.mask;
      if (instr->guard >= 0) {
        const uint64_t *guard = reg(instr->guard);
        lanes(group.mask, [&](int lane) {
          if ((guard[lane] != 0) == instr->guardNot)
            mask &= ~(uint32_t(1) << lane);
        });
      }
      ++group.pc;
      ++done;
      ++steps;
      if (mask) {
        if (kernel.usesWgmma)
          trackRegisters(*instr, mask);
        instr->run(*this, *instr, mask);
      }
      if (groups.size() != 1 || groups[0].wait != Wait::None || done >= budget)
        break;
    }
  }
  return done;
}

void Warp::branch(uint32_t taken, int target) {
  LaneGroup &here = group();
  if (taken == here.mask) {
    here.pc = target;
    return;
  }
  LaneGroup other = here;
  other.mask = taken;
  other.pc = target;
  here.mask &= ~taken;
  groups.push_back(other);
}

void Warp::exitLanes(uint32_t mask) {
  live &= ~mask;
  group().mask &= ~mask;
  if (!group().mask)
    groups.erase(groups.begin() + long(current));
  current = 0;
  if (!live) {
    --cta.liveWarps;
    ++cta.cluster.events;
    for (BlockBarrier &barrier : cta.barriers)
      cta.settle(barrier);
  }
}

void Warp::waitHere(LaneGroup wait) {
  LaneGroup &here = group();
  wait.pc = here.pc - 1;
  wait.mask = here.mask;
  here = wait;
}

bool Warp::together(uint32_t mask, uint32_t wanted, const char *what) {
  uint32_t gone = wanted & ~live;
  if (gone)
    fail(FaultKind::Convergence, __builtin_ctz(mask),
         std::string(what) + " names lane " +
             std::to_string(__builtin_ctz(gone)) + ", which has ended");
  if ((mask & wanted) == wanted)
    return true;
  // Lanes that the guard switches off at this very instruction never come.
  uint32_t off = group().mask & ~mask & wanted;
  if (off)
    fail(FaultKind::Convergence, __builtin_ctz(off),
         std::string(what) + " is switched off for lane " +
             std::to_string(__builtin_ctz(off)) + " by its predicate, but " +
             "other lanes wait for it");
  LaneGroup wait;
  wait.wait = Wait::Lanes;
  wait.wanted = wanted;
  waitHere(wait);
  return false;
}

std::string Warp::threadName(unsigned lane) const {
  const uint32_t *block = cta.cluster.shape.block;
  uint32_t thread = index * 32 + lane;
  auto triple = [](uint32_t x, uint32_t y, uint32_t z) {
    return "(" + std::to_string(x) + "," + std::to_string(y) + "," +
           std::to_string(z) + ")";
  };
  return "thread " +
         triple(thread % block[0], thread / block[0] % block[1],
                thread / block[0] / block[1]) +
         " of block " + triple(cta.id[0], cta.id[1], cta.id[2]);
}

void Warp::fail(FaultKind kind, int lane, const std::string &what) const {
  throw Fault(kind, std::string(faultName(kind)) + ": kernel '" + kernel.name +
                        "', PTX line " + std::to_string(instr->line) + " `" +
                        instr->text + "`, " + threadName(unsigned(lane)) +
                        ": " + what);
}

} // namespace gpusim
