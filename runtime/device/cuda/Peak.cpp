#include "runtime/device/cuda/Peak.h"
#include "runtime/device/cuda/Products.h"
#include "runtime/plan/Numerics.h"
#include "runtime/support/Error.h"

namespace pgrt::cuda {

namespace {
/// Memory and events of one measurement.
class Trial {
public:
  Trial(const Context &context, CUstream stream, plan::Type type, int64_t size)
      : context(context), driver(context.driver), stream(stream),
        products(planOf(type, size)) {
    try {
      for (void *&buffer : buffers)
        buffer = take(size_t(size * size) * 8);
      workspace = CUdeviceptr(take(Products::workspaceBytes));
      for (CUevent *event : {&begin, &end})
        driver.check(driver.cuEventCreate(event, CU_EVENT_DEFAULT),
                     "cannot make an event");
    } catch (...) {
      giveBack();
      throw;
    }
  }
  ~Trial() { giveBack(); }
  Trial(const Trial &) = delete;
  Trial &operator=(const Trial &) = delete;

  /// Of one product.
  double seconds() {
    constexpr int repeats = 4;
    multiply(); // loads the library's kernels
    driver.check(driver.cuEventRecord(begin, stream), "cannot record an event");
    for (int i = 0; i < repeats; ++i)
      multiply();
    driver.check(driver.cuEventRecord(end, stream), "cannot record an event");
    driver.check(driver.cuEventSynchronize(end), "the GPU reports a fault");
    float milliseconds = 0;
    driver.check(driver.cuEventElapsedTime(&milliseconds, begin, end),
                 "cannot measure time");
    return double(milliseconds) * 1e-3 / repeats;
  }

private:
  void giveBack() {
    for (void *address : taken)
      driver.cuMemFree(CUdeviceptr(address));
    for (CUevent event : {begin, end})
      if (event)
        driver.cuEventDestroy(event);
  }
  static plan::Plan planOf(plan::Type type, int64_t size) {
    plan::Plan plan;
    plan::Kernel *kernel = plan.add_kernels();
    kernel->set_symbol("peak");
    plan::LibraryProduct *product = kernel->mutable_library();
    product->set_m(size);
    product->set_n(size);
    product->set_k(size);
    product->set_batch(1);
    product->set_a_type(type);
    product->set_b_type(type);
    product->set_d_type(type);
    return plan;
  }
  void *take(size_t bytes) {
    taken.push_back(reinterpret_cast<void *>(context.allocate(bytes, stream)));
    return taken.back();
  }
  void multiply() { products.launch(0, buffers, workspace, stream); }

  const Context &context;
  const Driver &driver;
  CUstream stream;
  Products products;
  void *buffers[3] = {};
  CUdeviceptr workspace = 0;
  CUevent begin = nullptr, end = nullptr;
  std::vector<void *> taken;
};
} // namespace

// Larger and larger products, until one takes long enough to be measured.
double measurePeak(const Context &context, CUstream stream,
                   const std::string &numerics) {
  const plan::Type type = multipliesBf16(numerics) ? plan::BF16
                          : numerics == "f64"      ? plan::F64
                                                   : plan::F32;
  double rate = 0;
  try {
    for (int64_t size : {64, 256, 1024, 4096}) {
      double seconds = Trial(context, stream, type, size).seconds();
      rate = 2 * double(size) * double(size) * double(size) / seconds;
      if (seconds > 1e-4)
        break;
    }
  } catch (const Error &) {
    // Without the library, or with little memory, the rate stays what it is.
  }
  return rate;
}

} // namespace pgrt::cuda
