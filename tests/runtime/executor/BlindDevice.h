// A device for tests whose memory the host cannot see: addresses fault when
// they are followed. It may record programs.
#pragma once

#include "runtime/device/cpu/CpuDevice.h"

namespace pgrt::toy {

class BlindDevice final : public Device {
public:
  BlindDevice(int threads, bool recording)
      : inner(threads), recording(recording) {}

  std::string description() const override { return inner.description(); }
  std::vector<void *> allocate(const std::vector<int64_t> &bytes) override;
  void release(const std::vector<void *> &addresses) override;
  void loadCode(const plan::Plan &plan) override;
  void launch(uint32_t kernel, void *const *buffers,
              const double *scalars) override;
  void copy(void *to, const void *from, int64_t bytes) override;
  void fill(void *to, uint32_t pattern, int64_t bytes) override;
  bool records() const override { return recording; }
  std::unique_ptr<Recording>
  record(const std::function<void()> &issue) override;
  void read(void *host, const void *device, int64_t bytes) override;
  void write(void *device, const void *host, int64_t bytes) override;
  void *hostView(void *) override { return nullptr; }
  void onHostThreads(int64_t count,
                     const std::function<void(int64_t)> &body) override {
    inner.onHostThreads(count, body);
  }
  double measurePeak(const std::string &numerics) override {
    return inner.measurePeak(numerics);
  }

  int recorded = 0, replayed = 0;

private:
  class Script;
  CpuDevice inner;
  bool recording;
  const plan::Plan *plan = nullptr;
  Script *taken = nullptr; // while `record` is under way
};

} // namespace pgrt::toy
