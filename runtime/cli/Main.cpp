// pgrt: runs plans that pgc made.

#include "runtime/cli/Commands.h"
#include "runtime/cli/Ranks.h"
#include "runtime/cli/Report.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/device/cuda/CudaDevice.h"
#include "runtime/support/Error.h"

#include <cstdio>

namespace pgrt {

const char *versionText() { return "pgrt " PG_VERSION; }

// The number of a GPU: cuda is cuda:0.
static bool parseGpu(const std::string &name, int64_t &index) {
  index = 0;
  return name == "cuda" ||
         (name.starts_with("cuda:") && parseInteger(name.substr(5), index) &&
          index >= 0 && index <= INT32_MAX);
}

std::string deviceKind(const std::string &name) {
  int64_t index;
  if (name == "cpu")
    return name;
  if (parseGpu(name, index))
    return "cuda";
  failUsage("unknown device '", name,
            "': cpu, cuda, or cuda:N for the GPU of that number");
}

std::unique_ptr<Device> openDevice(const std::string &name, int64_t threads) {
  int64_t index;
  int count = int(threads ? threads : availableProcessors());
  if (deviceKind(name) == "cuda" && parseGpu(name, index))
    return std::make_unique<CudaDevice>(int(index), count);
  return std::make_unique<CpuDevice>(count);
}

static int dispatch(std::vector<std::string> arguments) {
  if (arguments.empty())
    failUsage("a plan is needed: pgrt PLAN.plan --seed N; see --help");
  if (arguments[0] == "--version") {
    std::printf("%s\n", versionText());
    return 0;
  }
  std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  for (const char *command : {"probe", "inspect", "verify", "entry"})
    if (arguments[0] == command)
      refuseRanks(command);
  if (arguments[0] == "probe")
    return runProbe(rest);
  if (arguments[0] == "inspect")
    return runInspect(rest);
  if (arguments[0] == "eval")
    return runEval(rest);
  if (arguments[0] == "verify")
    return runVerify(rest);
  if (arguments[0] == "entry")
    return runEntry(rest);
  return runJob(arguments);
}

} // namespace pgrt

int main(int argc, char **argv) {
  using namespace pgrt;
  return withErrorsReported([&] {
    return dispatch(std::vector<std::string>(argv + 1, argv + argc));
  });
}
