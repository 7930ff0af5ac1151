// Products that cuBLASLt computes. The library is opened at run time, and only
// for plans that have such products.
#pragma once

#include "runtime/device/cuda/CublasLtAbi.h"
#include "runtime/plan/plan.pb.h"

#include <memory>
#include <vector>

namespace pgrt::cuda {

class Products {
public:
  /// Opens the library and chooses an algorithm for each product of the plan.
  /// Throws Error (Machine) if there is no library, or if it has no algorithm.
  explicit Products(const plan::Plan &plan);
  ~Products();
  Products(const Products &) = delete;
  Products &operator=(const Products &) = delete;

  /// Puts the product of a kernel that has `library` on the stream. Buffers: A,
  /// B, D. `workspace`: this many bytes of the device, used by nothing else
  /// while the product runs.
  void launch(int kernel, void *const *buffers, CUdeviceptr workspace,
              CUstream stream);
  /// What NVIDIA recommends for Hopper.
  static constexpr size_t workspaceBytes = 32 << 20;

private:
  struct Library;
  struct Product;
  std::unique_ptr<Library> library;
  std::vector<std::unique_ptr<Product>> products; // by kernel; null: none
};

} // namespace pgrt::cuda
