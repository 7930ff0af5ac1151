#include "tools/gpusim/core/Cluster.h"

#include "tools/gpusim/core/Warp.h"

namespace gpusim {

Cta::Cta(Cluster &cluster, uint32_t rank, const uint32_t (&ctaid)[3])
    : cluster(cluster), rank(rank), id{ctaid[0], ctaid[1], ctaid[2]} {
  const Kernel &kernel = cluster.kernel;
  sharedBytes = kernel.usesDynamic
                    ? kernel.dynamicOffset + cluster.shape.dynamicShared
                    : kernel.staticShared;
  shared.assign(sharedBytes, 0xff);
  sharedWritten.resize(sharedBytes);
  if (cluster.options.races)
    shadow.resize(sharedBytes);
  liveWarps = (cluster.threadsPerCta() + 31) / 32;
  for (unsigned i = 0; i < liveWarps; ++i)
    warps.push_back(std::make_unique<Warp>(*this, i));
}

Cta::~Cta() = default;

void Cta::settle(BlockBarrier &barrier) {
  uint32_t expected = barrier.expected ? barrier.expected : liveWarps * 32;
  if (!barrier.arrived || barrier.arrived < expected)
    return;
  barrier.released = barrier.meeting.seal();
  barrier.arrived = barrier.expected = 0;
  barrier.lastCount = barrier.count;
  barrier.lastAll = barrier.all;
  barrier.lastAny = barrier.any;
  barrier.count = barrier.any = 0;
  barrier.all = 1;
  ++barrier.generation;
  ++cluster.events;
}

void Cta::settle(MBarrier &barrier, uint32_t offset) {
  if (barrier.pending || barrier.bytes)
    return;
  uint32_t agent =
      cluster.agent(Cluster::MBarrierAgent, (uint64_t(rank) << 32) | offset);
  barrier.meeting.raise(agent, barrier.phase + 1);
  barrier.completed = barrier.meeting.seal();
  barrier.pending = barrier.participants;
  ++barrier.phase;
  ++cluster.events;
}

Cluster::Cluster(const Kernel &kernel, const LaunchShape &shape,
                 const std::vector<uint8_t> &params, Memory &memory,
                 const Options &options, uint64_t &executed)
    : kernel(kernel), shape(shape), params(params), memory(memory),
      options(options), executed(executed),
      beginning(std::make_shared<const Clocks>()),
      threads(shape.block[0] * shape.block[1] * shape.block[2]) {
  expectedCtas = shape.cooperative
                     ? shape.grid[0] * shape.grid[1] * shape.grid[2]
                     : shape.cluster[0] * shape.cluster[1] * shape.cluster[2];
}

void Cluster::add(const uint32_t (&ctaid)[3]) {
  ctas.push_back(std::make_unique<Cta>(*this, uint32_t(ctas.size()), ctaid));
}

uint32_t Cluster::agent(AgentKind kind, uint64_t key) {
  auto [found, isNew] = agents.insert({{int(kind), key}, 0});
  if (isNew)
    found->second = expectedCtas * threads + uint32_t(agents.size()) - 1;
  return found->second;
}

std::string Cluster::agentName(uint32_t agent) const {
  auto thread = [&](uint64_t id) {
    Cta &cta = *ctas[id / threads];
    uint32_t inside = uint32_t(id % threads);
    return cta.warps[inside / 32]->threadName(inside % 32);
  };
  if (agent < expectedCtas * threads)
    return thread(agent);
  for (const auto &[key, number] : agents)
    if (number == agent)
      switch (AgentKind(key.first)) {
      case WgmmaAgent:
        return "a wgmma of the warpgroup of " + thread(key.second);
      case MBarrierAgent:
        return "a bulk copy that completes on the mbarrier at shared address " +
               hex(sharedBase + uint32_t(key.second));
      case BulkAgent:
        return "a bulk copy of " + thread(key.second);
      case CpAsyncAgent:
        return "a cp.async of " + thread(key.second);
      }
  return "an asynchronous operation";
}

void Cluster::run() {
  for (;;) {
    uint64_t progress = 0;
    bool all = true;
    for (auto &cta : ctas)
      for (auto &warp : cta->warps) {
        if (warp->done())
          continue;
        all = false;
        progress += warp->run(256);
      }
    if (all)
      return;
    executed += progress;
    if (!progress)
      deadlock();
    if (executed > options.maxInstructions)
      throw Fault(FaultKind::Watchdog,
                  std::string(faultName(FaultKind::Watchdog)) + ": kernel '" +
                      kernel.name + "' executed more than " +
                      std::to_string(options.maxInstructions) +
                      " instructions of warps");
  }
}

// Names every different place at which threads wait, by their first thread.
void Cluster::deadlock() {
  std::map<std::pair<int, int>, std::string> places;
  for (auto &cta : ctas)
    for (auto &warp : cta->warps)
      for (const LaneGroup &group : warp->groups) {
        // At a barrier the lanes are past the instruction already, except at
        // bar.red, which is executed once more.
        bool past = (group.wait == Wait::Block && !group.wanted) ||
                    group.wait == Wait::Cluster;
        const Instr &at = kernel.code[size_t(group.pc - past)];
        std::string why;
        switch (group.wait) {
        case Wait::None:
          continue;
        case Wait::Lanes:
          why = "for lanes " + hex(group.wanted & ~group.mask) +
                " of its warp to come to the same instruction";
          break;
        case Wait::Block: {
          const BlockBarrier &barrier = cta->barriers[group.barrier];
          uint32_t expected =
              barrier.expected ? barrier.expected : cta->liveWarps * 32;
          why = "at barrier " + std::to_string(group.barrier) + ", where " +
                std::to_string(barrier.arrived) + " of " +
                std::to_string(expected) + " threads have arrived";
          break;
        }
        case Wait::Cluster:
          why = "at the cluster's barrier";
          break;
        case Wait::Warpgroup:
          why = "for the other warps of its warpgroup to commit " +
                std::to_string(group.wanted) + " groups of wgmma";
          break;
        case Wait::MBarrier: {
          const MBarrier &barrier = group.home->mbarriers[group.offset];
          why = "for phase " + std::to_string(barrier.phase) +
                " of the mbarrier at shared address " +
                hex(sharedBase + group.offset) + ", which lacks " +
                std::to_string(barrier.pending) + " arrivals and " +
                std::to_string(barrier.bytes) + " bytes of transactions";
          break;
        }
        }
        places.insert(
            {{at.line, int(group.wait) * 16 + group.barrier},
             "PTX line " + std::to_string(at.line) + " `" + at.text + "`, " +
                 warp->threadName(unsigned(__builtin_ctz(group.mask))) +
                 " waits " + why});
      }
  std::string message = std::string(faultName(FaultKind::Deadlock)) +
                        ": kernel '" + kernel.name + "': ";
  std::string separator;
  for (const auto &[key, text] : places) {
    message += separator + text;
    separator = "; ";
  }
  throw Fault(FaultKind::Deadlock, message);
}

} // namespace gpusim
