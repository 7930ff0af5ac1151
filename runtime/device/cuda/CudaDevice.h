// The driver for one GPU of compute capability 9.0. Several may be open in one
// process, one for each GPU, each used by one thread at a time.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/cpu/ThreadTeam.h"
#include "runtime/device/cuda/Adder.h"
#include "runtime/device/cuda/Issuer.h"
#include "runtime/device/cuda/SideStream.h"

namespace pgrt {

class CudaDevice final : public Device {
public:
  /// `threads`: for work on the host. Throws Error (Machine) that says what to
  /// do if the GPU cannot be used.
  CudaDevice(int index, int threads);
  ~CudaDevice() override;

  std::string description() const override;
  std::vector<void *> allocate(const std::vector<int64_t> &bytes) override;
  void release(const std::vector<void *> &addresses) override;
  void loadCode(const plan::Plan &plan) override;
  void launch(uint32_t kernel, void *const *buffers,
              const double *scalars) override;
  void copy(void *to, const void *from, int64_t bytes) override;
  void fill(void *to, uint32_t pattern, int64_t bytes) override;
  void sum(std::span<const TreeSum> sums) override;
  bool records() const override { return true; }
  std::unique_ptr<Recording>
  record(const std::function<void()> &issue) override;
  bool runsBeside() const override { return true; }
  void signal(int number, std::span<const MemoryPiece> memory) override;
  void beside(int signal, const std::function<void()> &issue) override;
  void join() override;
  void wait() override;
  void read(void *host, const void *device, int64_t bytes) override;
  void write(void *device, const void *host, int64_t bytes) override;
  void *hostView(void *device) override { return nullptr; }
  void onHostThreads(int64_t count,
                     const std::function<void(int64_t)> &body) override;
  double measurePeak(const std::string &numerics) override;

  /// For collectives: the GPU, and the stream of what this device is asked for
  /// now. What is on it runs in order.
  const cuda::Context &gpu() const { return context; }
  CUstream stream() { return isBeside ? side.stream() : issuer.stream(0); }

private:
  struct Taken {
    std::vector<cuda::Work> works;
    int64_t scalars = 0;
  };
  void ask(cuda::Work work);

  cuda::Context context;
  ThreadTeam team;
  cuda::Issuer issuer;
  cuda::SideStream side;
  bool isBeside = false;              // within `beside`
  std::unique_ptr<cuda::Adder> adder; // once it is needed
  std::vector<CUdeviceptr> allocations;
  CUdeviceptr scalarTable = 0; // of launches that are not recorded
  Taken *taken = nullptr;      // while `record` is under way
};

} // namespace pgrt
