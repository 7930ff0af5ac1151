// Running hand-written PTX under the simulator.
#pragma once

#include "tools/gpusim/core/Fault.h"
#include "tools/gpusim/core/Module.h"

#include <cstring>
#include <gtest/gtest.h>

namespace gpusim::test {

/// A kernel's text around a body: the entry `k` with these parameters.
std::string kernelText(const std::string &parameters, const std::string &body,
                       const std::string &moduleLevel = "",
                       const std::string &directives = "");

/// Assembles with `ptxas -arch=sm_90a` if it is on the path: what is simulated
/// has to be PTX. False with its message if it is refused.
bool assemblerPresent();
testing::AssertionResult assembles(const std::string &ptx);

class Machine {
public:
  explicit Machine(const std::string &ptx) : module(ptx, memory, 0) {
    EXPECT_TRUE(assembles(ptx));
  }

  template <typename T> uint64_t buffer(const std::vector<T> &values) {
    uint64_t address = memory.allocate(0, values.size() * sizeof(T));
    memory.write(address, values.data(), values.size() * sizeof(T));
    return address;
  }
  uint64_t blank(uint64_t bytes) { return memory.allocate(0, bytes); }
  template <typename T> std::vector<T> read(uint64_t address, size_t count) {
    std::vector<T> values(count);
    memory.read(values.data(), address, count * sizeof(T));
    return values;
  }

  LaunchShape shape;
  Options options;
  Memory memory;
  Module module;

  template <typename... Args> void run(Args... args) {
    Kernel *kernel = module.kernel("k");
    ASSERT_NE(kernel, nullptr);
    kernel->maxDynamicShared = maxSharedBytes;
    std::vector<uint8_t> params(kernel->paramTotal);
    size_t i = 0;
    (set(*kernel, params, i++, args), ...);
    launch(*kernel, shape, params, memory, options);
  }
  /// The fault that a run ends with; its text has to hold every one of these.
  template <typename... Args>
  void expectFault(FaultKind kind, std::vector<std::string> parts,
                   Args... args) {
    try {
      run(args...);
      ADD_FAILURE() << "no fault";
    } catch (const Fault &fault) {
      EXPECT_EQ(faultName(fault.kind), std::string(faultName(kind)))
          << fault.what();
      for (const std::string &part : parts)
        EXPECT_NE(std::string(fault.what()).find(part), std::string::npos)
            << "'" << part << "' is not in: " << fault.what();
    }
  }

private:
  template <typename T>
  void set(const Kernel &kernel, std::vector<uint8_t> &params, size_t i,
           const T &value) {
    ASSERT_LT(i, kernel.paramOffsets.size());
    ASSERT_EQ(sizeof(T), kernel.paramBytes[i]);
    std::memcpy(params.data() + kernel.paramOffsets[i], &value, sizeof(T));
  }
};

} // namespace gpusim::test
