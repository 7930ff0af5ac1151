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

std::unique_ptr<LoadedPlan> loadPlan(const std::string &path,
                                     const std::string &device) {
  std::unique_ptr<LoadedPlan> loaded = loadPlan(path);
  auto serves = [&](const plan::Plan &plan) {
    std::string code = deviceOf(plan);
    return code.empty() || code == device;
  };
  if (serves(loaded->plan)) {
    loaded->plan.clear_devices();
    return loaded;
  }
  for (plan::Plan &other : *loaded->plan.mutable_devices())
    if (serves(other)) {
      plan::Plan chosen = std::move(other);
      loaded->plan = std::move(chosen);
      return loaded;
    }
  if (device == "cuda")
    failInput("'", path,
              "' has no code for a GPU: compile the model with "
              "--target=sm_90a, or for both with --target=native,sm_90a");
  failInput("'", path,
            "' is for a GPU alone: run it with --device cuda, or compile the "
            "model for this CPU too, with --target=native,sm_90a");
}

} // namespace pgrt
