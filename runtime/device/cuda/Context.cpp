#include "runtime/device/cuda/Context.h"
#include "runtime/support/Error.h"

#include <array>

namespace pgrt::cuda {

Context::Context(int index) : index(index) {
  if (index < 0 || index >= driver.devices())
    failMachine("there is no GPU ", index, ": the driver shows ",
                driver.devices(), driver.devices() == 1 ? " GPU" : " GPUs",
                ", numbered from 0");
  driver.check(driver.cuDeviceGet(&device, index), "cannot find the GPU");
  int major = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
      minor = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  if (major != 9 || minor != 0)
    failMachine("GPU ", index, " (", name(), ") has compute capability ", major,
                ".", minor,
                ", plans for sm_90a need 9.0, which H100 and H200 have: choose "
                "another with --device cuda:N, or use --device cpu");
  driver.check(driver.cuDevicePrimaryCtxRetain(&context, device),
               "cannot open the GPU");
}

Context::~Context() {
  if (context)
    driver.cuDevicePrimaryCtxRelease(device);
}

int Context::attribute(int which) const {
  int value = 0;
  driver.check(driver.cuDeviceGetAttribute(&value, which, device),
               "cannot ask the GPU what it is");
  return value;
}

std::string Context::name() const {
  std::array<char, 256> text{};
  driver.check(
      driver.cuDeviceGetName(text.data(), int(text.size()) - 1, device),
      "cannot ask the GPU for its name");
  return text.data();
}

CUdeviceptr Context::allocate(size_t bytes, CUstream stream) const {
  CUdeviceptr address = 0;
  CUresult result = driver.cuMemAlloc(&address, bytes);
  if (result == CUDA_ERROR_OUT_OF_MEMORY) {
    size_t free = 0, total = 0;
    driver.cuMemGetInfo(&free, &total);
    failMachine("not enough memory on GPU ", index, ": ",
                readableBytes(double(bytes)), " are needed, ",
                readableBytes(double(free)), " of ",
                readableBytes(double(total)),
                " are free; a smaller micro-batch or sequence needs less");
  }
  driver.check(result, "cannot allocate memory on the GPU");
  driver.check(driver.cuMemsetD8Async(address, 0, bytes, stream),
               "cannot clear memory on the GPU");
  return address;
}

std::string Context::description() const {
  use();
  size_t free = 0, total = 0;
  driver.check(driver.cuMemGetInfo(&free, &total),
               "cannot ask the GPU for its memory");
  return cat("GPU ", index, ": ", name(), ", ",
             attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
             " multiprocessors, ", readableBytes(double(total)), ", CUDA ",
             driver.version());
}

} // namespace pgrt::cuda
