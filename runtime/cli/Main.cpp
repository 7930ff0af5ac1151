// pgrt: runs plans that pgc made.

#include "runtime/cli/Commands.h"
#include "runtime/cli/Ranks.h"
#include "runtime/cli/Report.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/support/Error.h"

#include <cstdio>

namespace pgrt {

const char *versionText() { return "pgrt " PG_VERSION; }

std::unique_ptr<Device> openDevice(const std::string &name, int64_t threads) {
  if (name == "cpu")
    return std::make_unique<CpuDevice>(
        int(threads ? threads : availableProcessors()));
  if (name == "cuda")
    failMachine("this pgrt has no driver for cuda; use --device cpu");
  failUsage("unknown device '", name, "': cpu or cuda");
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
