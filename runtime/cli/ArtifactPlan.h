// The plan that an artifact is scored with.
#pragma once

#include "runtime/artifact/ArtifactFile.h"
#include "runtime/collective/Collective.h"
#include "runtime/plan/PlanLoader.h"

#include <memory>
#include <string>

namespace pgrt {

/// Loads `planPath`, or, if that is empty, compiles the artifact's code with
/// the pgc beside this program (rank 0 does, for all) into a folder that is
/// removed again; for a device of that kind, "cpu" or "cuda". Throws Error if
/// the plan is not of this model or the compiler fails.
std::unique_ptr<LoadedPlan> planOfArtifact(const LoadedArtifact &artifact,
                                           const std::string &planPath,
                                           const std::string &device,
                                           Collective &ranks);

} // namespace pgrt
