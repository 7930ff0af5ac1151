// Hessians: what multiplies each matrix, over batches of the training data.
#pragma once

#include "runtime/collective/Collective.h"
#include "runtime/data/WindowOrder.h"
#include "runtime/executor/Executor.h"

#include <functional>

namespace pgrt {

/// Runs program "capture" over the first Quantization.batches parts of the
/// training order, divided over the ranks (SharedSum): all have the Hessians
/// then. Part p of step s is number s · parts + p. Does nothing if no quantiser
/// asks for Hessians. `prepare` must have run. `progress(runs done, all)` is
/// called after each run. Throws Stopped, on all ranks, when one is
/// interrupted.
void captureHessians(Executor &executor, Collective &ranks, WindowOrder &data,
                     const std::function<void(int64_t, int64_t)> &progress);

} // namespace pgrt
