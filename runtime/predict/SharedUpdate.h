// The update of a step on several GPUs: what train/RankUpdate.h does.
#pragma once

#include "runtime/predict/StepTime.h"
#include "runtime/schedule/UpdateShards.h"

namespace pgrt {

struct SharedUpdate {
  std::vector<StepPart> parts;
  std::map<int, Share> kernels; // by index in Plan.kernels
};

/// Owners update what they own, and send the others what these read. Ranks wait
/// for each other where they exchange: each stage takes what its slowest rank
/// does.
SharedUpdate predictSharedUpdate(const plan::Plan &plan, const PlanTime &times,
                                 const plan::Program &update,
                                 const UpdateShards &shards);

} // namespace pgrt
