// From a file to a checked plan.
#pragma once

#include "runtime/plan/PlanFile.h"

#include <memory>
#include <string>

namespace pgrt {

struct LoadedPlan {
  std::string path;
  plan::Plan plan;
  Digest digest; // of the payload
};

/// Reads, unframes, parses and checks. Throws Error that names the file.
std::unique_ptr<LoadedPlan> loadPlan(const std::string &path);

} // namespace pgrt
