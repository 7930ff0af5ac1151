// A warp: registers of 32 lanes, groups of lanes that are at one place, and the
// accesses to memory with their checks.
#pragma once

#include "tools/gpusim/core/Cluster.h"
#include "tools/gpusim/core/Fault.h"

namespace gpusim {

enum class Wait : uint8_t {
  None,
  Lanes,     ///< for other lanes to come to the same instruction
  Block,     ///< at a barrier of the block
  Cluster,   ///< at the cluster's barrier
  MBarrier,  ///< for a phase of an mbarrier
  Warpgroup, ///< for the other warps to issue the same wgmma groups
};

struct LaneGroup {
  int pc = 0;
  uint32_t mask = 0;
  Wait wait = Wait::None;
  /// Lanes: all that have to come. Warpgroup: groups that have to be committed.
  uint32_t wanted = 0;
  uint64_t generation = 0; ///< of the barrier when it began to wait
  int barrier = 0;         ///< Block: which
  Cta *home = nullptr;     ///< MBarrier: where it is
  uint32_t offset = 0, parity = 0;
};

/// Reads one value a lane: from a register, or a constant.
struct Source {
  const uint64_t *values;
  unsigned stride;
  uint64_t operator[](int lane) const {
    return values[unsigned(lane) * stride];
  }
};

enum class Access : uint8_t {
  Read,
  Write,
  Atomic,
  VolatileRead,
  VolatileWrite
};

/// Shared memory that an address names.
struct SharedPlace {
  Cta *cta;
  uint32_t offset;
};

class Warp {
public:
  Warp(Cta &cta, unsigned index);

  /// Executes up to `budget` instructions; returns how many.
  uint64_t run(uint64_t budget);
  bool done() const { return groups.empty(); }

  uint64_t *reg(int32_t slot) { return registers.data() + slot * 32; }
  Source source(const Operand &operand) {
    if (operand.slot < 0)
      return {&operand.constant, 0};
    return {reg(operand.slot), 1};
  }
  bool predicate(const Operand &operand, int lane) {
    return (source(operand)[lane] != 0) != operand.negated;
  }

  // Control flow, for handlers. The current group is at the instruction after
  // this one while a handler runs.
  void branch(uint32_t taken, int target);
  void exitLanes(uint32_t mask);
  /// The current group goes back to this instruction and waits.
  void waitHere(LaneGroup wait);
  /// True if all of `wanted` are here; else the group waits for them.
  bool together(uint32_t mask, uint32_t wanted, const char *what);
  /// Have all warps of the warpgroup committed so many groups of wgmma?
  bool warpgroupCommitted(uint32_t groups) const;
  LaneGroup &group() { return groups[current]; }

  // Memory.
  uint8_t *access(int lane, uint64_t address, unsigned bytes, Space space,
                  Access kind);
  SharedPlace sharedPlace(int lane, uint64_t address, uint64_t bytes,
                          Space space);
  /// Bounds and first-write checks of shared memory without races.
  void checkShared(int lane, const SharedPlace &place, uint64_t bytes,
                   bool write);
  void checkRace(int lane, const SharedPlace &place, unsigned bytes, bool write,
                 const Actor &actor);
  Actor actor(int lane) const;
  Actor agentActor(int lane, uint32_t agent, uint32_t clock) const;
  uint8_t *globalBytes(int lane, uint64_t address, uint64_t bytes, bool write);

  /// Global bytes that somebody wrote.
  const uint8_t *globalRead(int lane, uint64_t address, uint64_t bytes);

  [[noreturn]] void fail(FaultKind kind, int lane,
                         const std::string &what) const;
  std::string threadName(unsigned lane) const;
  uint32_t threadId(int lane) const { return clocks[lane].id; }

  Cta &cta;
  const Kernel &kernel;
  unsigned index;
  uint32_t live = 0;
  const Instr *instr = nullptr; ///< being executed
  ThreadClock clocks[32];
  std::vector<LaneGroup> groups;
  std::vector<uint8_t> local;
  WrittenBits localWritten;

  // Asynchronous work of this warp.
  uint32_t wgmmaCommitted = 0, wgmmaCompleted = 0, wgmmaIssued = 0;
  uint64_t steps = 0, fenceStep = 0; ///< instructions; at wgmma.fence
  std::vector<uint32_t> inFlight;    ///< group of wgmma, by slot
  std::vector<uint64_t> writeStep;   ///< last write, by slot
  uint32_t bulkGroups[32] = {};      ///< committed, by lane
  bool bulkOpen[32] = {};
  uint32_t copyGroups[32] = {}; ///< cp.async groups, by lane
  uint32_t registerLimit = 0;   ///< by setmaxnreg
  uint64_t wgmmaCount = 0;
  uint64_t clusterGeneration = 0; ///< cluster barriers that were waited for
  uint32_t fruitless = 0;         ///< polls since an event
  uint64_t lastEvents = 0;

private:
  bool wake(LaneGroup &group);
  bool pick();
  void merge();
  void trackRegisters(const Instr &instr, uint32_t mask);
  uint8_t *sharedAccess(int lane, uint64_t address, unsigned bytes, Space space,
                        Access kind);
  void readSpecials();

  std::vector<uint64_t> registers;
  size_t current = 0;
  Allocation *lastAllocation = nullptr;
};

/// Calls f(lane) for the lanes of the mask, in order.
template <typename F> inline void lanes(uint32_t mask, F f) {
  if (mask == ~uint32_t(0)) {
    for (int lane = 0; lane < 32; ++lane)
      f(lane);
    return;
  }
  for (; mask; mask &= mask - 1)
    f(__builtin_ctz(mask));
}

} // namespace gpusim
