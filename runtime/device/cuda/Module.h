// A plan's kernels on one GPU: its machine code, or its PTX compiled by the
// driver, and how each kernel is launched.
#pragma once

#include "runtime/device/cuda/Driver.h"
#include "runtime/plan/plan.pb.h"

#include <functional>
#include <memory>
#include <vector>

namespace pgrt::cuda {

class Module {
public:
  /// Loads the plan's code into the current context. Throws Error if there is
  /// none for a GPU, if the driver cannot take it, or if a kernel is missing.
  /// Kernels that a library computes are left out.
  Module(const Driver &driver, const plan::Plan &plan);
  Module(const Module &) = delete;
  Module &operator=(const Module &) = delete;

  /// Puts a launch on the stream. `scalars`: the address, on the device, of the
  /// kernel's scalars, if it has any.
  void launch(int kernel, void *const *buffers, CUdeviceptr scalars,
              CUstream stream);

private:
  struct Loaded {
    CUfunction function = nullptr;
    const plan::Kernel *kernel = nullptr;
  };
  void load(const plan::Code &code);
  void prepare(Loaded &kernel);

  const Driver &driver;
  // Unloaded even if a kernel turns out to be missing.
  std::unique_ptr<CUmod_st, std::function<void(CUmodule)>> module;
  std::vector<Loaded> kernels;
};

} // namespace pgrt::cuda
