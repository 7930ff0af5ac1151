// Puts pieces of work on the streams of one GPU.
#pragma once

#include "runtime/device/cuda/Context.h"
#include "runtime/device/cuda/Module.h"
#include "runtime/device/cuda/Products.h"

#include <memory>
#include <vector>

namespace pgrt::cuda {

/// What a device is asked for.
struct Work {
  enum Kind { Launch, Copy, Fill, Signal } kind;
  int kernel = -1;                  ///< of a launch: index of Plan.kernels
  std::vector<void *> buffers = {}; ///< of a launch; of a copy: to, from; of a
                                    ///< fill: to; of a signal: begin and
                                    ///< end of each piece
  CUdeviceptr scalars = 0;          ///< of a launch, on the device
  int64_t bytes = 0;                ///< of a copy or fill
  uint32_t pattern = 0;             ///< of a fill
  CUevent event = nullptr;          ///< of a signal
};

class Issuer {
public:
  explicit Issuer(const Context &context);
  ~Issuer();
  Issuer(const Issuer &) = delete;
  Issuer &operator=(const Issuer &) = delete;

  void loadCode(const plan::Plan &plan);

  /// Streams are made when they are first asked for. 0 is the main one.
  CUstream stream(int lane);
  /// Allocates what issuing the work on that stream will need.
  void reserve(const Work &work, int lane);
  /// What is on one stream runs in order. Signals: while it is recorded.
  void issue(const Work &work, int lane);

  const plan::Kernel &kernel(int index) const { return plan->kernels(index); }

private:
  CUdeviceptr workspace(int lane);

  const Context &context;
  const plan::Plan *plan = nullptr;
  std::unique_ptr<Module> module;
  std::unique_ptr<Products> products;
  std::vector<CUstream> streams;
  std::vector<CUdeviceptr> workspaces; // of each stream, once it needs one
};

} // namespace pgrt::cuda
