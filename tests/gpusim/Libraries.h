// The stand-ins, opened at run time as the runtime opens the real libraries.
#pragma once

#include "tools/gpusim/lt/Abi.h"
#include "tools/gpusim/nccl/Abi.h"

#include <gtest/gtest.h>
#include <vector>

namespace gpusim::test {

/// Calls by name; arguments have the types that the function has.
void *symbol(const char *name);
template <typename Result = int, typename... Args>
Result call(const char *name, Args... args) {
  return reinterpret_cast<Result (*)(Args...)>(symbol(name))(args...);
}

/// Makes the device's primary context current.
void useDevice(int device);
CUdeviceptr upload(const std::vector<float> &values);
std::vector<float> download(CUdeviceptr address, size_t count);
/// One that does not wait for the null stream.
CUstream newStream();

} // namespace gpusim::test
