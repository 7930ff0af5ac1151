// Memory, copies and fills, and tensor maps.
#include "tools/gpusim/core/TensorMap.h"
#include "tools/gpusim/driver/Engine.h"

#include <cstdlib>
#include <cstring>

using namespace gpusim;

namespace {

std::map<uintptr_t, size_t> pinned; ///< host memory that copies read later

bool isPinned(const void *address) {
  auto after = pinned.upper_bound(reinterpret_cast<uintptr_t>(address));
  if (after == pinned.begin())
    return false;
  --after;
  return reinterpret_cast<uintptr_t>(address) - after->first < after->second;
}
bool isDevice(CUdeviceptr address) { return Memory::deviceOf(address) >= 0; }

// Puts work on a stream, and waits for it unless it is asynchronous.
CUresult put(const char *call, CUstream stream, bool wait,
             std::function<void()> work) {
  return guarded(call, true, [&] {
    Engine &engine = Engine::get();
    CUstream_st *on = engine.resolve(stream, currentDevice());
    if (on->capture && wait)
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    engine.enqueue(stream, currentDevice(),
                   std::make_shared<Call>(call, std::move(work)));
    if (wait)
      engine.drain(on);
    return CUDA_SUCCESS;
  });
}

CUresult toDevice(const char *call, CUdeviceptr to, const void *from,
                  size_t bytes, CUstream stream, bool wait) {
  Memory *memory = &Engine::get().memory;
  bool later;
  {
    std::lock_guard<std::mutex> lock(Engine::get().mutex);
    CUstream_st *on =
        Engine::get().resolve(stream, std::max(currentDevice(), 0));
    later = isPinned(from) || on->capture;
  }
  // The driver has read pageable memory when the call returns.
  if (wait || later)
    return put(call, stream, wait, [=] { memory->write(to, from, bytes); });
  const uint8_t *begin = static_cast<const uint8_t *>(from);
  auto copy = std::make_shared<std::vector<uint8_t>>(begin, begin + bytes);
  return put(call, stream, false,
             [=] { memory->write(to, copy->data(), copy->size()); });
}
CUresult toHost(const char *call, void *to, CUdeviceptr from, size_t bytes,
                CUstream stream, bool wait) {
  Memory *memory = &Engine::get().memory;
  return put(call, stream, wait, [=] { memory->read(to, from, bytes); });
}
CUresult between(const char *call, CUdeviceptr to, CUdeviceptr from,
                 size_t bytes, CUstream stream, bool wait) {
  Memory *memory = &Engine::get().memory;
  return put(call, stream, wait, [=] { memory->copy(to, from, bytes); });
}
CUresult anyCopy(const char *call, CUdeviceptr to, CUdeviceptr from,
                 size_t bytes, CUstream stream, bool wait) {
  if (isDevice(to) && isDevice(from))
    return between(call, to, from, bytes, stream, wait);
  if (isDevice(to))
    return toDevice(call, to, reinterpret_cast<const void *>(from), bytes,
                    stream, wait);
  if (isDevice(from))
    return toHost(call, reinterpret_cast<void *>(to), from, bytes, stream,
                  wait);
  return CUDA_ERROR_INVALID_VALUE;
}

template <typename T>
CUresult fill(const char *call, CUdeviceptr to, T value, size_t count,
              CUstream stream, bool wait) {
  Memory *memory = &Engine::get().memory;
  return put(call, stream, wait,
             [=] { memory->fill(to, count, &value, sizeof(T)); });
}

CUresult allocate(CUdeviceptr *address, size_t bytes) {
  Engine &engine = Engine::get();
  if (!bytes)
    return CUDA_ERROR_INVALID_VALUE;
  int device = currentDevice();
  if (engine.memory.allocatedBytes(device) + bytes > engine.bytesPerDevice)
    return CUDA_ERROR_OUT_OF_MEMORY;
  *address = engine.memory.allocate(device, bytes);
  return CUDA_SUCCESS;
}

} // namespace

GPUSIM_API CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
  return guarded("cuMemAlloc", true, [&] { return allocate(address, bytes); });
}
GPUSIM_API CUresult cuMemFree_v2(CUdeviceptr address) {
  return guarded("cuMemFree", true, [&]() -> CUresult {
    if (!address)
      return CUDA_SUCCESS;
    // As the driver does, the call waits for the device.
    Engine::get().drainDevice(Memory::deviceOf(address));
    return Engine::get().memory.free(address) ? CUDA_SUCCESS
                                              : CUDA_ERROR_INVALID_VALUE;
  });
}
GPUSIM_API CUresult cuMemAllocAsync(CUdeviceptr *address, size_t bytes,
                                    CUstream) {
  return cuMemAlloc_v2(address, bytes);
}
GPUSIM_API CUresult cuMemFreeAsync(CUdeviceptr address, CUstream stream) {
  Memory *memory = &Engine::get().memory;
  return put("cuMemFreeAsync", stream, false, [=] { memory->free(address); });
}
GPUSIM_API CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
  return guarded("cuMemGetInfo", true, [&] {
    Engine &engine = Engine::get();
    *total = engine.bytesPerDevice;
    *free = *total - engine.memory.allocatedBytes(currentDevice());
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuMemHostAlloc(void **address, size_t bytes, unsigned) {
  return guarded("cuMemHostAlloc", true, [&] {
    *address = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    if (!*address)
      return CUDA_ERROR_OUT_OF_MEMORY;
    pinned[reinterpret_cast<uintptr_t>(*address)] = bytes;
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuMemAllocHost_v2(void **address, size_t bytes) {
  return cuMemHostAlloc(address, bytes, 0);
}
GPUSIM_API CUresult cuMemFreeHost(void *address) {
  return guarded("cuMemFreeHost", true, [&] {
    if (!pinned.erase(reinterpret_cast<uintptr_t>(address)))
      return CUDA_ERROR_INVALID_VALUE;
    for (int d = 0; d < Engine::get().devices; ++d)
      Engine::get().drainDevice(d);
    std::free(address);
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuMemHostRegister_v2(void *address, size_t bytes,
                                         unsigned) {
  return guarded("cuMemHostRegister", true, [&] {
    pinned[reinterpret_cast<uintptr_t>(address)] = bytes;
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuMemHostUnregister(void *address) {
  return guarded("cuMemHostUnregister", true, [&] {
    return pinned.erase(reinterpret_cast<uintptr_t>(address))
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
  });
}

GPUSIM_API CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from,
                                    size_t bytes) {
  return toDevice("cuMemcpyHtoD", to, from, bytes, nullptr, true);
}
GPUSIM_API CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes) {
  return toHost("cuMemcpyDtoH", to, from, bytes, nullptr, true);
}
GPUSIM_API CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from,
                                    size_t bytes) {
  return between("cuMemcpyDtoD", to, from, bytes, nullptr, true);
}
GPUSIM_API CUresult cuMemcpy(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  return anyCopy("cuMemcpy", to, from, bytes, nullptr, true);
}
GPUSIM_API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from,
                                         size_t bytes, CUstream stream) {
  return toDevice("cuMemcpyHtoDAsync", to, from, bytes, stream, false);
}
GPUSIM_API CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from,
                                         size_t bytes, CUstream stream) {
  return toHost("cuMemcpyDtoHAsync", to, from, bytes, stream, false);
}
GPUSIM_API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from,
                                         size_t bytes, CUstream stream) {
  return between("cuMemcpyDtoDAsync", to, from, bytes, stream, false);
}
GPUSIM_API CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from,
                                  size_t bytes, CUstream stream) {
  return anyCopy("cuMemcpyAsync", to, from, bytes, stream, false);
}
GPUSIM_API CUresult cuMemcpyPeerAsync(CUdeviceptr to, CUcontext,
                                      CUdeviceptr from, CUcontext, size_t bytes,
                                      CUstream stream) {
  return between("cuMemcpyPeerAsync", to, from, bytes, stream, false);
}
GPUSIM_API CUresult cuMemcpyPeer(CUdeviceptr to, CUcontext, CUdeviceptr from,
                                 CUcontext, size_t bytes) {
  return between("cuMemcpyPeer", to, from, bytes, nullptr, true);
}

GPUSIM_API CUresult cuMemsetD8_v2(CUdeviceptr to, uint8_t value, size_t n) {
  return fill("cuMemsetD8", to, value, n, nullptr, true);
}
GPUSIM_API CUresult cuMemsetD16_v2(CUdeviceptr to, uint16_t value, size_t n) {
  return fill("cuMemsetD16", to, value, n, nullptr, true);
}
GPUSIM_API CUresult cuMemsetD32_v2(CUdeviceptr to, uint32_t value, size_t n) {
  return fill("cuMemsetD32", to, value, n, nullptr, true);
}
GPUSIM_API CUresult cuMemsetD8Async(CUdeviceptr to, uint8_t value, size_t n,
                                    CUstream stream) {
  return fill("cuMemsetD8Async", to, value, n, stream, false);
}
GPUSIM_API CUresult cuMemsetD16Async(CUdeviceptr to, uint16_t value, size_t n,
                                     CUstream stream) {
  return fill("cuMemsetD16Async", to, value, n, stream, false);
}
GPUSIM_API CUresult cuMemsetD32Async(CUdeviceptr to, uint32_t value, size_t n,
                                     CUstream stream) {
  return fill("cuMemsetD32Async", to, value, n, stream, false);
}

GPUSIM_API CUresult cuPointerGetAttribute(void *data, int attribute,
                                          CUdeviceptr address) {
  Allocation *found = Engine::get().memory.find(address);
  if (!found)
    return CUDA_ERROR_INVALID_VALUE;
  if (attribute == 2) // memory type: device
    *static_cast<unsigned *>(data) = 2;
  else if (attribute == 9)
    *static_cast<int *>(data) = found->device;
  else if (attribute == 11)
    *static_cast<CUdeviceptr *>(data) = found->base;
  else if (attribute == 12)
    *static_cast<size_t *>(data) = found->bytes;
  else
    return CUDA_ERROR_NOT_SUPPORTED;
  return CUDA_SUCCESS;
}

GPUSIM_API CUresult
cuTensorMapEncodeTiled(CUtensorMap *map, int type, uint32_t rank, void *address,
                       const uint64_t *sizes, const uint64_t *strides,
                       const uint32_t *box, const uint32_t *elementStrides,
                       int interleave, int swizzle, int, int fillMode) {
  TensorMapArguments from;
  from.type = type;
  from.interleave = interleave;
  from.swizzle = swizzle;
  from.fill = fillMode;
  from.rank = rank;
  from.address = reinterpret_cast<uintptr_t>(address);
  if (!map || reinterpret_cast<uintptr_t>(map) % 64 || rank < 1 || rank > 5)
    return CUDA_ERROR_INVALID_VALUE;
  for (uint32_t d = 0; d < rank; ++d) {
    from.sizes[d] = sizes[d];
    from.box[d] = box[d];
    from.elementStrides[d] = elementStrides[d];
    if (d)
      from.strides[d - 1] = strides[d - 1];
  }
  TensorMap made;
  std::string wrong = encodeTensorMap(from, made);
  if (!wrong.empty()) {
    std::fprintf(stderr, "gpusim: cuTensorMapEncodeTiled: %s\n", wrong.c_str());
    return CUDA_ERROR_INVALID_VALUE;
  }
  std::memset(map, 0, sizeof(*map));
  std::memcpy(map, &made, sizeof(made));
  return CUDA_SUCCESS;
}
