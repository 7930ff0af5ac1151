#include "tests/runtime/executor/BlindDevice.h"

#include <gtest/gtest.h>

namespace pgrt::toy {

// No user process has memory there.
static constexpr uintptr_t hidden = uintptr_t(1) << 61;

static void *hide(void *address) {
  return reinterpret_cast<void *>(reinterpret_cast<uintptr_t>(address) ^
                                  hidden);
}
static void *show(const void *address) {
  auto bits = reinterpret_cast<uintptr_t>(address);
  EXPECT_TRUE(bits & hidden) << "an address of the host";
  return reinterpret_cast<void *>(bits ^ hidden);
}

class BlindDevice::Script final : public Recording {
public:
  explicit Script(BlindDevice &device) : device(device) {}
  void run(const std::vector<double> &scalars) override {
    ++device.replayed;
    const double *next = scalars.data();
    for (const auto &step : steps)
      next = step(next);
    EXPECT_EQ(next, scalars.data() + scalars.size());
  }
  /// Each takes its scalars and returns where the next one's begin.
  std::vector<std::function<const double *(const double *)>> steps;

private:
  BlindDevice &device;
};

std::vector<void *> BlindDevice::allocate(const std::vector<int64_t> &bytes) {
  std::vector<void *> addresses = inner.allocate(bytes);
  for (void *&address : addresses)
    address = hide(address);
  return addresses;
}
void BlindDevice::release(const std::vector<void *> &addresses) {
  std::vector<void *> shown;
  for (void *address : addresses)
    shown.push_back(show(address));
  inner.release(shown);
}
void BlindDevice::loadCode(const plan::Plan &given) {
  plan = &given;
  inner.loadCode(given);
}

void BlindDevice::launch(uint32_t kernel, void *const *buffers,
                         const double *scalars) {
  const plan::Kernel &info = plan->kernels(int(kernel));
  std::vector<void *> shown;
  for (int i = 0; i < info.buffer_bytes_size(); ++i)
    shown.push_back(show(buffers[i]));
  if (!taken)
    return inner.launch(kernel, shown.data(), scalars);
  taken->steps.push_back(
      [this, kernel, shown, count = info.scalars()](const double *values) {
        inner.launch(kernel, shown.data(), values);
        return values + count;
      });
}
void BlindDevice::copy(void *to, const void *from, int64_t bytes) {
  void *shownTo = show(to), *shownFrom = show(from);
  if (!taken)
    return inner.copy(shownTo, shownFrom, bytes);
  taken->steps.push_back([=, this](const double *values) {
    inner.copy(shownTo, shownFrom, bytes);
    return values;
  });
}
void BlindDevice::fill(void *to, uint32_t pattern, int64_t bytes) {
  void *shown = show(to);
  if (!taken)
    return inner.fill(shown, pattern, bytes);
  taken->steps.push_back([=, this](const double *values) {
    inner.fill(shown, pattern, bytes);
    return values;
  });
}

std::unique_ptr<Recording>
BlindDevice::record(const std::function<void()> &issue) {
  ++recorded;
  auto script = std::make_unique<Script>(*this);
  taken = script.get();
  issue();
  taken = nullptr;
  return script;
}

void BlindDevice::read(void *host, const void *device, int64_t bytes) {
  EXPECT_EQ(taken, nullptr);
  inner.read(host, show(device), bytes);
}
void BlindDevice::write(void *device, const void *host, int64_t bytes) {
  EXPECT_EQ(taken, nullptr);
  inner.write(show(device), host, bytes);
}

} // namespace pgrt::toy
