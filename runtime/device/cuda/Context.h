// One GPU, as the threads of this process share it.
#pragma once

#include "runtime/device/cuda/Driver.h"

namespace pgrt::cuda {

class Context {
public:
  /// The GPU of that number among those that the driver shows. Throws Error
  /// (Machine) if there is none of that number, or if it is no sm_90.
  explicit Context(int index);
  ~Context();
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;

  /// Makes the calling thread's calls of the driver go to this GPU. Every call
  /// of a device starts with it: threads come and go, and one may serve several
  /// GPUs.
  void use() const {
    driver.check(driver.cuCtxSetCurrent(context), "cannot use the GPU");
  }

  /// Zeroed memory, aligned to 256 bytes. Throws Error (Machine).
  CUdeviceptr allocate(size_t bytes, CUstream stream) const;

  /// "GPU 0: NVIDIA H100 80GB HBM3, 132 multiprocessors, 80 GB, CUDA 13.0"
  std::string description() const;

  const Driver driver;
  const int index;

private:
  std::string name() const;
  int attribute(int which) const;

  CUdevice device = 0;
  CUcontext context = nullptr;
};

} // namespace pgrt::cuda
