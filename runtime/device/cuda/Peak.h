// What a GPU can do at most.
#pragma once

#include "runtime/device/cuda/Context.h"

#include <string>

namespace pgrt::cuda {

/// FLOP/s of large products by cuBLASLt with operands as these numerics round
/// them; 0 if there is no cuBLASLt or no memory for such products.
double measurePeak(const Context &context, CUstream stream,
                   const std::string &numerics);

} // namespace pgrt::cuda
