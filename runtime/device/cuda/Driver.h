// The CUDA driver, libcuda.so.1, opened at run time.
#pragma once

#include "runtime/device/cuda/DriverAbi.h"

#include <string>

namespace pgrt::cuda {

// Name, symbol, parameters. Symbols are the versions that DriverAbi.h declares.
#define PGRT_CUDA_FUNCTIONS(F)                                                 \
  F(cuInit, cuInit, (unsigned))                                                \
  F(cuDriverGetVersion, cuDriverGetVersion, (int *))                           \
  F(cuGetErrorName, cuGetErrorName, (CUresult, const char **))                 \
  F(cuGetErrorString, cuGetErrorString, (CUresult, const char **))             \
  F(cuDeviceGetCount, cuDeviceGetCount, (int *))                               \
  F(cuDeviceGet, cuDeviceGet, (CUdevice *, int))                               \
  F(cuDeviceGetName, cuDeviceGetName, (char *, int, CUdevice))                 \
  F(cuDeviceGetAttribute, cuDeviceGetAttribute, (int *, int, CUdevice))        \
  F(cuDevicePrimaryCtxRetain, cuDevicePrimaryCtxRetain,                        \
    (CUcontext *, CUdevice))                                                   \
  F(cuDevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2, (CUdevice))       \
  F(cuCtxSetCurrent, cuCtxSetCurrent, (CUcontext))                             \
  F(cuMemGetInfo, cuMemGetInfo_v2, (size_t *, size_t *))                       \
  F(cuMemAlloc, cuMemAlloc_v2, (CUdeviceptr *, size_t))                        \
  F(cuMemFree, cuMemFree_v2, (CUdeviceptr))                                    \
  F(cuMemHostAlloc, cuMemHostAlloc, (void **, size_t, unsigned))               \
  F(cuMemFreeHost, cuMemFreeHost, (void *))                                    \
  F(cuMemcpyHtoDAsync, cuMemcpyHtoDAsync_v2,                                   \
    (CUdeviceptr, const void *, size_t, CUstream))                             \
  F(cuMemcpyDtoHAsync, cuMemcpyDtoHAsync_v2,                                   \
    (void *, CUdeviceptr, size_t, CUstream))                                   \
  F(cuMemcpyDtoDAsync, cuMemcpyDtoDAsync_v2,                                   \
    (CUdeviceptr, CUdeviceptr, size_t, CUstream))                              \
  F(cuMemsetD8Async, cuMemsetD8Async,                                          \
    (CUdeviceptr, unsigned char, size_t, CUstream))                            \
  F(cuMemsetD32Async, cuMemsetD32Async,                                        \
    (CUdeviceptr, unsigned, size_t, CUstream))                                 \
  F(cuModuleLoadDataEx, cuModuleLoadDataEx,                                    \
    (CUmodule *, const void *, unsigned, int *, void **))                      \
  F(cuModuleUnload, cuModuleUnload, (CUmodule))                                \
  F(cuModuleGetFunction, cuModuleGetFunction,                                  \
    (CUfunction *, CUmodule, const char *))                                    \
  F(cuFuncSetAttribute, cuFuncSetAttribute, (CUfunction, int, int))            \
  F(cuLaunchKernelEx, cuLaunchKernelEx,                                        \
    (const CUlaunchConfig *, CUfunction, void **, void **))                    \
  F(cuTensorMapEncodeTiled, cuTensorMapEncodeTiled,                            \
    (CUtensorMap *, int, uint32_t, void *, const uint64_t *, const uint64_t *, \
     const uint32_t *, const uint32_t *, int, int, int, int))                  \
  F(cuStreamCreate, cuStreamCreate, (CUstream *, unsigned))                    \
  F(cuStreamCreateWithPriority, cuStreamCreateWithPriority,                    \
    (CUstream *, unsigned, int))                                               \
  F(cuStreamDestroy, cuStreamDestroy_v2, (CUstream))                           \
  F(cuStreamSynchronize, cuStreamSynchronize, (CUstream))                      \
  F(cuStreamWaitEvent, cuStreamWaitEvent, (CUstream, CUevent, unsigned))       \
  F(cuStreamBeginCapture, cuStreamBeginCapture_v2, (CUstream, int))            \
  F(cuStreamEndCapture, cuStreamEndCapture, (CUstream, CUgraph *))             \
  F(cuEventCreate, cuEventCreate, (CUevent *, unsigned))                       \
  F(cuEventDestroy, cuEventDestroy_v2, (CUevent))                              \
  F(cuEventRecord, cuEventRecord, (CUevent, CUstream))                         \
  F(cuEventRecordWithFlags, cuEventRecordWithFlags,                            \
    (CUevent, CUstream, unsigned))                                             \
  F(cuEventSynchronize, cuEventSynchronize, (CUevent))                         \
  F(cuEventElapsedTime, cuEventElapsedTime, (float *, CUevent, CUevent))       \
  F(cuGraphInstantiate, cuGraphInstantiateWithFlags,                           \
    (CUgraphExec *, CUgraph, unsigned long long))                              \
  F(cuGraphLaunch, cuGraphLaunch, (CUgraphExec, CUstream))                     \
  F(cuGraphExecDestroy, cuGraphExecDestroy, (CUgraphExec))                     \
  F(cuGraphDestroy, cuGraphDestroy, (CUgraph))

class Driver {
public:
  /// Opens and initialises the driver. Throws Error (Machine) that says what to
  /// do if there is none, if it is too old, or if it sees no GPU.
  Driver();

#define PGRT_CUDA_MEMBER(name, symbol, parameters)                             \
  CUresult(*name) parameters = nullptr;
  PGRT_CUDA_FUNCTIONS(PGRT_CUDA_MEMBER)
#undef PGRT_CUDA_MEMBER

  /// Throws Error (Machine), "<doing what>: <the driver's words>", unless the
  /// result is success.
  void check(CUresult result, const char *doing) const {
    if (result != CUDA_SUCCESS)
      fail(result, doing);
  }
  [[noreturn]] void fail(CUresult result, const std::string &doing) const;

  /// The driver's words for a result: "out of memory (CUDA_ERROR_…)".
  std::string explain(CUresult result) const;

  int devices() const { return count; }
  /// "13.0": what the driver is for.
  std::string version() const;

private:
  int count = 0, versionNumber = 0;
};

} // namespace pgrt::cuda
