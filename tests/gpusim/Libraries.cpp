#include "tests/gpusim/Libraries.h"

#include <cstdlib>
#include <dlfcn.h>

namespace gpusim::test {

static void *library(const char *name) {
  setenv("GPUSIM_DEVICES", "4", 1);
  setenv("GPUSIM_TIMEOUT", "1", 1);
  std::string path = std::string(GPUSIM_LIBRARIES) + "/" + name;
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  EXPECT_NE(handle, nullptr) << dlerror();
  return handle;
}
void *symbol(const char *name) {
  static void *libraries[] = {library("libcuda.so.1"),
                              library("libcublasLt.so.13"),
                              library("libnccl.so.2")};
  for (void *handle : libraries)
    if (void *found = dlsym(handle, name))
      return found;
  ADD_FAILURE() << "no " << name;
  std::abort();
}
void useDevice(int device) {
  CUcontext context = nullptr;
  ASSERT_EQ(call("cuInit", 0u), 0);
  ASSERT_EQ(call("cuDevicePrimaryCtxRetain", &context, device), 0);
  ASSERT_EQ(call("cuCtxSetCurrent", context), 0);
}
CUdeviceptr upload(const std::vector<float> &values) {
  CUdeviceptr address = 0;
  EXPECT_EQ(call("cuMemAlloc_v2", &address, values.size() * 4), 0);
  EXPECT_EQ(call("cuMemcpyHtoD_v2", address,
                 static_cast<const void *>(values.data()), values.size() * 4),
            0);
  return address;
}
std::vector<float> download(CUdeviceptr address, size_t count) {
  std::vector<float> values(count);
  EXPECT_EQ(call("cuMemcpyDtoH_v2", static_cast<void *>(values.data()), address,
                 count * 4),
            0);
  return values;
}
CUstream newStream() {
  CUstream stream = nullptr;
  EXPECT_EQ(call("cuStreamCreate", &stream, 1u), 0);
  return stream;
}

} // namespace gpusim::test
