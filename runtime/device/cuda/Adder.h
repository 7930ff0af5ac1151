// Sums of numbers that lie apart: between what a plan's programs compute, and
// of any length, which a plan's kernels are not.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/cuda/Context.h"

#include <map>

namespace pgrt::cuda {

class Adder {
public:
  explicit Adder(const Context &context) : context(context) {}
  ~Adder();
  Adder(const Adder &) = delete;
  Adder &operator=(const Adder &) = delete;

  /// Whether a launch can add so many places.
  static bool canAdd(size_t places);

  /// All of these, of the same type and number of places, in one launch if its
  /// table holds them. Throws Error (Machine).
  void add(std::span<const TreeSum> sums, CUstream stream);

private:
  struct Kernel {
    CUmodule module = nullptr;
    CUfunction function = nullptr;
  };
  const Kernel &kernelFor(size_t places, plan::Type type);

  const Context &context;
  std::map<std::pair<size_t, plan::Type>, Kernel> kernels;
};

} // namespace pgrt::cuda
