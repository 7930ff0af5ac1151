// The second half of a step on several GPUs: what train/RankUpdate.h does.
#pragma once

#include "runtime/predict/StepTime.h"

namespace pgrt {

struct SharedUpdate {
  std::vector<StepPart> parts;
  std::map<int, Share> kernels; // by index in Plan.kernels
  double receivedBytes = 0;     // memory for other ranks' gradients
};

/// Gradients go to their owners, which add them, update what they own, and send
/// the others what these read. Ranks wait for each other where they exchange:
/// each stage takes what its slowest rank does.
SharedUpdate predictSharedUpdate(const plan::Plan &plan, const PlanTime &times,
                                 const plan::Program &update);

} // namespace pgrt
