#include "runtime/plan/PlanLoader.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/support/Error.h"
#include "runtime/support/MappedFile.h"

namespace pgrt {

std::unique_ptr<LoadedPlan> loadPlan(const std::string &path) {
  MappedFile file(path);
  auto loaded = std::make_unique<LoadedPlan>();
  loaded->path = path;
  std::string problem =
      unframePlan(file.bytes(), loaded->plan, &loaded->digest);
  if (!problem.empty())
    failInput("'", path, "': ", problem);
  try {
    checkPlan(loaded->plan);
  } catch (const Error &error) {
    throw Error(error.code, cat("'", path, "': ", error.what()));
  }
  return loaded;
}

} // namespace pgrt
