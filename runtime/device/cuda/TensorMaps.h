// The driver's form of what a bulk tensor copy knows of a buffer.
#pragma once

#include "runtime/device/cuda/Driver.h"
#include "runtime/plan/plan.pb.h"

#include <string>

namespace pgrt::cuda {

/// Throws Error (Input) that names the kernel if the driver does not take it.
CUtensorMap encodeTensorMap(const Driver &driver, const plan::TensorMap &map,
                            void *buffer, const std::string &kernel);

} // namespace pgrt::cuda
