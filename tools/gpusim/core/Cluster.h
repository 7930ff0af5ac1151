// The blocks that run together: one, a cluster, or a cooperative grid.
#pragma once

#include "tools/gpusim/core/Clocks.h"
#include "tools/gpusim/core/Launch.h"
#include "tools/gpusim/core/Shadow.h"

#include <memory>

namespace gpusim {

class Warp;
class Cluster;

/// A barrier of a block (bar.sync 0…15) or of a cluster.
struct BlockBarrier {
  uint32_t arrived = 0;  ///< threads, counted in whole warps
  uint32_t expected = 0; ///< stated by an instruction; 0: all threads
  uint64_t generation = 0;
  Meeting meeting;
  Snapshot released;
  uint32_t count = 0, all = 1, any = 0; ///< of bar.red, being collected
  uint32_t lastCount = 0, lastAll = 0, lastAny = 0;
};

/// An mbarrier object in shared memory.
struct MBarrier {
  uint32_t participants = 0; ///< arrivals that a phase expects
  uint32_t pending = 0;      ///< arrivals still to come in this phase
  int64_t bytes = 0;         ///< of transactions still to come
  uint32_t phase = 0;        ///< number of the phase that is not complete
  uint32_t initThread = 0, initClock = 0;
  bool initVisible = false; ///< to the asynchronous proxy, by a fence
  int line = 0;             ///< of its initialisation
  Meeting meeting;
  Snapshot completed; ///< of the phase before
};

struct Cta {
  Cta(Cluster &cluster, uint32_t rank, const uint32_t (&id)[3]);
  ~Cta();

  Cluster &cluster;
  uint32_t rank; ///< in the cluster
  uint32_t id[3];
  uint64_t sharedBytes;
  std::vector<uint8_t> shared;
  WrittenBits sharedWritten;
  Shadow shadow;
  std::map<uint32_t, MBarrier> mbarriers; ///< by offset in shared memory
  BlockBarrier barriers[16];
  /// What atomics and volatile accesses order, by offset.
  std::map<uint32_t, std::pair<Meeting, Snapshot>> atomics;
  std::vector<std::unique_ptr<Warp>> warps;
  uint32_t liveWarps = 0;

  /// Releases the barrier's waiters if all have arrived.
  void settle(BlockBarrier &barrier);
  /// Completes the phase if nothing is missing.
  void settle(MBarrier &barrier, uint32_t offset);
};

class Cluster {
public:
  Cluster(const Kernel &kernel, const LaunchShape &shape,
          const std::vector<uint8_t> &params, Memory &memory,
          const Options &options, uint64_t &executed);

  void add(const uint32_t (&ctaid)[3]);
  void run();

  /// The agent of that kind and key (see Clocks.h).
  enum AgentKind { WgmmaAgent, MBarrierAgent, BulkAgent, CpAsyncAgent };
  uint32_t agent(AgentKind kind, uint64_t key);
  /// "thread (3,0,0)", "a bulk copy …": who an agent is.
  std::string agentName(uint32_t agent) const;
  uint32_t threadsPerCta() const { return threads; }

  const Kernel &kernel;
  const LaunchShape &shape;
  const std::vector<uint8_t> &params;
  Memory &memory;
  const Options &options;
  uint64_t &executed;  ///< instructions of this launch
  uint64_t events = 0; ///< barrier arrivals, stores …: signs of progress
  std::vector<std::unique_ptr<Cta>> ctas;
  BlockBarrier barrier; ///< barrier.cluster
  Snapshot beginning;   ///< the empty past

private:
  [[noreturn]] void deadlock();

  uint32_t threads, expectedCtas;
  std::map<std::pair<int, uint64_t>, uint32_t> agents;
};

} // namespace gpusim
