// Initialisation, devices, contexts and errors.
#include "tools/gpusim/driver/Engine.h"

#include <atomic>
#include <cstring>
#include <memory>

struct CUctx_st {
  int device;
  bool primary;
};

namespace gpusim {

static thread_local std::vector<CUctx_st *> contexts;
static std::atomic<bool> initialised = false; // devices are opened by threads

int currentDevice() {
  return contexts.empty() || !contexts.back() ? -1 : contexts.back()->device;
}

static CUctx_st *primary(int device) {
  static std::map<int, std::unique_ptr<CUctx_st>> made;
  auto &context = made[device];
  if (!context)
    context.reset(new CUctx_st{device, true});
  return context.get();
}
static bool valid(CUdevice device) {
  return device >= 0 && device < Engine::get().devices;
}

} // namespace gpusim

using namespace gpusim;

GPUSIM_API CUresult cuInit(unsigned flags) {
  initialised = true;
  return flags ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}
GPUSIM_API CUresult cuDriverGetVersion(int *version) {
  *version = Engine::get().driverVersion;
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuDeviceGetCount(int *count) {
  if (!initialised)
    return CUDA_ERROR_NOT_INITIALIZED;
  *count = Engine::get().devices;
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  if (!initialised)
    return CUDA_ERROR_NOT_INITIALIZED;
  if (!valid(ordinal))
    return CUDA_ERROR_INVALID_DEVICE;
  *device = ordinal;
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  if (!valid(device) || length < 1)
    return CUDA_ERROR_INVALID_VALUE;
  std::strncpy(name, "gpusim (simulated sm_90a; not a GPU)", size_t(length));
  name[length - 1] = '\0';
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
  if (!valid(device))
    return CUDA_ERROR_INVALID_DEVICE;
  std::memcpy(uuid->bytes, "gpusim-device-  ", 16);
  uuid->bytes[15] = char('a' + device);
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuDeviceGetPCIBusId(char *text, int length, CUdevice d) {
  if (!valid(d))
    return CUDA_ERROR_INVALID_DEVICE;
  std::snprintf(text, size_t(length), "0000:%02x:00.0", unsigned(d));
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  if (!valid(device))
    return CUDA_ERROR_INVALID_DEVICE;
  *bytes = Engine::get().bytesPerDevice;
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuDeviceGetAttribute(int *value, int attribute,
                                         CUdevice device) {
  if (!valid(device))
    return CUDA_ERROR_INVALID_DEVICE;
  // Of an H100 SXM; numbers as the header has them.
  static const std::map<int, int> values = {
      {1, 1024},   {2, 1024},     {3, 1024},    {4, 64},        {5, 0x7fffffff},
      {6, 65535},  {7, 65535},    {8, 49152},   {9, 65536},     {10, 32},
      {12, 65536}, {13, 1980000}, {16, 132},    {19, 0},        {31, 1},
      {32, 1},     {36, 2619000}, {37, 5120},   {38, 52428800}, {39, 2048},
      {40, 3},     {41, 1},       {81, 233472}, {82, 65536},    {90, 1},
      {95, 1},     {97, 232448},  {111, 1024},  {115, 1},       {120, 1},
      {127, 1},    {132, 0}};
  if (attribute == 33) {
    *value = device;
    return CUDA_SUCCESS;
  }
  if (attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR ||
      attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR) {
    int capability = Engine::get().capability;
    *value = attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
                 ? capability / 10
                 : capability % 10;
    return CUDA_SUCCESS;
  }
  auto found = values.find(attribute);
  if (found == values.end())
    return CUDA_ERROR_INVALID_VALUE;
  *value = found->second;
  return CUDA_SUCCESS;
}

GPUSIM_API CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice d) {
  std::lock_guard<std::mutex> lock(Engine::get().mutex);
  if (!valid(d))
    return CUDA_ERROR_INVALID_DEVICE;
  *context = primary(d);
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice d) {
  return valid(d) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}
GPUSIM_API CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice d, unsigned) {
  return valid(d) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}
GPUSIM_API CUresult cuCtxCreate_v2(CUcontext *context, unsigned, CUdevice d) {
  if (!valid(d))
    return CUDA_ERROR_INVALID_DEVICE;
  *context = new CUctx_st{d, false};
  contexts.push_back(*context);
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuCtxCreate_v4(CUcontext *context, void *, unsigned flags,
                                   CUdevice d) {
  return cuCtxCreate_v2(context, flags, d);
}
GPUSIM_API CUresult cuCtxDestroy_v2(CUcontext context) {
  if (!context || context->primary)
    return CUDA_ERROR_INVALID_CONTEXT;
  std::erase(contexts, context);
  delete context;
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuCtxSetCurrent(CUcontext context) {
  if (contexts.empty())
    contexts.push_back(context);
  else
    contexts.back() = context;
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuCtxGetCurrent(CUcontext *context) {
  *context = contexts.empty() ? nullptr : contexts.back();
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuCtxPushCurrent_v2(CUcontext context) {
  contexts.push_back(context);
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  if (contexts.empty())
    return CUDA_ERROR_INVALID_CONTEXT;
  if (context)
    *context = contexts.back();
  contexts.pop_back();
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuCtxGetDevice(CUdevice *device) {
  if (currentDevice() < 0)
    return CUDA_ERROR_INVALID_CONTEXT;
  *device = currentDevice();
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuCtxSynchronize() {
  return guarded("cuCtxSynchronize", true, [] {
    Engine::get().drainDevice(currentDevice());
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest) {
  *least = 0;
  *greatest = -5;
  return CUDA_SUCCESS;
}

GPUSIM_API CUresult cuDeviceCanAccessPeer(int *can, CUdevice a, CUdevice b) {
  if (!valid(a) || !valid(b))
    return CUDA_ERROR_INVALID_DEVICE;
  *can = a != b;
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuCtxEnablePeerAccess(CUcontext peer, unsigned flags) {
  return guarded("cuCtxEnablePeerAccess", true, [&] {
    if (!peer || flags || peer->device == currentDevice())
      return CUDA_ERROR_INVALID_VALUE;
    bool added = Engine::get()
                     .memory.peers.insert({currentDevice(), peer->device})
                     .second;
    return added ? CUDA_SUCCESS : CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
  });
}
GPUSIM_API CUresult cuCtxDisablePeerAccess(CUcontext peer) {
  return guarded("cuCtxDisablePeerAccess", true, [&] {
    return peer && Engine::get().memory.peers.erase(
                       {currentDevice(), peer->device})
               ? CUDA_SUCCESS
               : CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
  });
}

GPUSIM_API CUresult cuGetErrorName(CUresult error, const char **name) {
  static const std::map<int, const char *> names = {
      {0, "CUDA_SUCCESS"},
      {1, "CUDA_ERROR_INVALID_VALUE"},
      {2, "CUDA_ERROR_OUT_OF_MEMORY"},
      {3, "CUDA_ERROR_NOT_INITIALIZED"},
      {101, "CUDA_ERROR_INVALID_DEVICE"},
      {200, "CUDA_ERROR_INVALID_IMAGE"},
      {201, "CUDA_ERROR_INVALID_CONTEXT"},
      {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
      {218, "CUDA_ERROR_INVALID_PTX"},
      {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
      {400, "CUDA_ERROR_INVALID_HANDLE"},
      {500, "CUDA_ERROR_NOT_FOUND"},
      {600, "CUDA_ERROR_NOT_READY"},
      {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
      {716, "CUDA_ERROR_MISALIGNED_ADDRESS"},
      {719, "CUDA_ERROR_LAUNCH_FAILED"},
      {801, "CUDA_ERROR_NOT_SUPPORTED"},
      {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"},
      {904, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED"}};
  auto found = names.find(error);
  *name = found == names.end() ? "CUDA_ERROR" : found->second;
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuGetErrorString(CUresult error, const char **text) {
  // After a fault, what the fault was.
  Engine &engine = Engine::get();
  if (error && error == engine.sticky)
    *text = engine.stickyMessage.c_str();
  else
    return cuGetErrorName(error, text);
  return CUDA_SUCCESS;
}
