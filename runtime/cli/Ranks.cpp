#include "runtime/cli/Ranks.h"
#include "runtime/cli/Report.h"
#include "runtime/collective/MpiCollective.h"
#include "runtime/collective/NcclCollective.h"
#include "runtime/collective/ThreadCollective.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/device/cuda/Driver.h"
#include "runtime/support/Error.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace pgrt {

static int runUnderMpi(const std::function<void(Collective &)> &body) {
  std::unique_ptr<Collective> ranks = openMpi();
  int status = withErrorsReported(
      [&] {
        body(*ranks);
        ranks->finish();
        return 0;
      },
      [&](const std::string &message) { return ranks->fail(message); });
  if (status != 0) {
    std::fflush(nullptr);
    _exit(status);
  }
  return status;
}

int runOnRanks(int64_t devices, const std::function<void(Collective &)> &body) {
  const bool launched = !launcherVariable().empty();
  if (launched && devices > 1)
    failUsage("--devices is for one process; a launcher started this one (",
              launcherVariable(), "), and each of its processes is one rank");
  if (launched)
    return runUnderMpi(body);
  if (devices > 1) {
    runOnThreads(int(devices), body);
    return 0;
  }
  SelfCollective self;
  body(self);
  return 0;
}

std::unique_ptr<Collective> openDeviceCollective(Collective &ranks,
                                                 Device &device) {
  auto *gpu = dynamic_cast<CudaDevice *>(&device);
  return gpu && ranks.size() > 1 ? openNccl(ranks, *gpu) : nullptr;
}

void refuseRanks(const std::string &command) {
  if (std::string variable = launcherVariable(); !variable.empty())
    failUsage("pgrt ", command,
              " runs in one process, and a launcher started "
              "several (",
              variable, "): start it without mpirun");
}

int64_t threadsOfRank(int64_t threads, const Collective &ranks) {
  if (threads)
    return threads;
  return std::max<int64_t>(1,
                           availableProcessors() / ranks.ranksOnProcessors());
}

// Launchers give a machine's ranks successive numbers.
std::string deviceOfRank(const std::string &device, const Collective &ranks) {
  if (device != "cuda" || ranks.size() == 1)
    return device;
  return cat("cuda:", ranks.rank() % cuda::Driver().devices());
}

void checkSame(Collective &ranks, const std::string &what,
               const std::string &mine) {
  std::vector<std::string> all = ranks.allGatherTexts(mine);
  for (int rank = 1; rank < ranks.size(); ++rank)
    if (all[size_t(rank)] != all[0])
      failInput(ranks.nameOf(rank), " has another ", what, " than ",
                ranks.nameOf(0), ": ", all[size_t(rank)], ", not ", all[0]);
}

} // namespace pgrt
