// From a file to a checked plan.
#pragma once

#include "runtime/plan/PlanFile.h"

#include <memory>
#include <string>

namespace pgrt {

struct LoadedPlan {
  std::string path;
  plan::Plan plan; // the first device's, or the chosen one's
  Digest digest;   // of the payload
};

/// Reads, unframes, parses and checks. Throws Error that names the file.
std::unique_ptr<LoadedPlan> loadPlan(const std::string &path);

/// The same, with the plan for one kind of device, "cpu" or "cuda", out of
/// those that the file holds. Throws Error if there is none.
std::unique_ptr<LoadedPlan> loadPlan(const std::string &path,
                                     const std::string &device);

} // namespace pgrt
