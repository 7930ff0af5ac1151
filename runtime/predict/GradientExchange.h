// What passes between the GPUs of a step beside its last backward pass.
#pragma once

#include "runtime/predict/StepTime.h"
#include "runtime/schedule/UpdateShards.h"

namespace pgrt {

/// Gradients go, bucket by bucket (schedule/GradientBuckets.h), to the ranks
/// that add them, and sums to their owners, while `train` still runs.
/// `ownParts`: of a rank; the last sums over these are made on the way.
GradientExchange predictGradientExchange(const plan::Plan &plan,
                                         const PlanTime &times,
                                         const plan::Program &train,
                                         const UpdateShards &shards,
                                         int64_t ownParts);

} // namespace pgrt
