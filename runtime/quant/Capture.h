// Hessians: what multiplies each matrix, over batches of the training data.
#pragma once

#include "runtime/data/WindowOrder.h"
#include "runtime/executor/Executor.h"

#include <functional>

namespace pgrt {

/// Zeroes the Hessians and runs program "capture" over the first
/// Quantization.batches parts of the training order; part p of step s is number
/// s · parts + p. Does nothing if no quantiser asks for Hessians. `prepare`
/// must have run. `progress(runs done, all)` is called after each run. Throws
/// Stopped when interrupted.
void captureHessians(Executor &executor, WindowOrder &data,
                     const std::function<void(int64_t, int64_t)> &progress);

} // namespace pgrt
