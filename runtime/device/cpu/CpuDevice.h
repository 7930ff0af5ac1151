// The driver for this machine's CPU.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/cpu/CodeObject.h"
#include "runtime/device/cpu/ThreadTeam.h"

namespace pgrt {

class CpuDevice : public Device {
public:
  explicit CpuDevice(int threads);
  ~CpuDevice() override;

  std::string description() const override;
  std::vector<void *> allocate(const std::vector<int64_t> &bytes) override;
  void release(const std::vector<void *> &addresses) override;
  void loadCode(const plan::Plan &plan) override;
  void launch(uint32_t kernel, void *const *buffers,
              const double *scalars) override;
  void copy(void *to, const void *from, int64_t bytes) override;
  void fill(void *to, uint32_t pattern, int64_t bytes) override;
  void sum(std::span<const TreeSum> sums) override;
  void read(void *host, const void *device, int64_t bytes) override;
  void write(void *device, const void *host, int64_t bytes) override;
  void *hostView(void *device) override { return device; }
  void onHostThreads(int64_t count,
                     const std::function<void(int64_t)> &body) override;
  double measurePeak(const std::string &numerics) override;

private:
  struct Mapping {
    void *address;
    size_t bytes;
    void *given; // what allocate returned
  };
  struct LoadedKernel {
    KernelFunction function;
    int64_t chunks;
  };

  ThreadTeam team;
  std::vector<Mapping> mappings;
  std::unique_ptr<CodeObject> code;
  std::vector<LoadedKernel> kernels;
  std::vector<void *> scratch; // of each thread
};

} // namespace pgrt
