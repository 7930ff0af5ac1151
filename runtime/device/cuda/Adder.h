// Sums of numbers that lie apart: between what a plan's programs compute, and
// of any length, which a plan's kernels are not.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/cuda/Context.h"

namespace pgrt::cuda {

class Adder {
public:
  /// Loads its kernels. Throws Error (Machine).
  explicit Adder(const Context &context);
  ~Adder();
  Adder(const Adder &) = delete;
  Adder &operator=(const Adder &) = delete;

  void add(const Addition &addition, CUstream stream);

private:
  const Context &context;
  CUmodule module = nullptr;
  CUfunction floats = nullptr, doubles = nullptr;
};

} // namespace pgrt::cuda
