// Modules, functions and launches.
#include "tools/gpusim/driver/Engine.h"

#include <cstring>
#include <fstream>
#include <memory>

using namespace gpusim;

struct CUfunc_st {
  Kernel *kernel;
  CUmod_st *module;
};
struct CUmod_st {
  std::unique_ptr<Module> module;
  std::map<std::string, CUfunc_st> functions;
};

namespace {

/// The newest PTX that a driver knows, as 10 · major + minor, and the CUDA
/// version that it came with (the release notes of the PTX ISA).
struct PtxRelease {
  int driver, ptx;
};
const PtxRelease releases[] = {
    {12000, 80}, {12010, 81}, {12020, 82}, {12030, 83}, {12040, 84},
    {12050, 85}, {12070, 86}, {12080, 87}, {12090, 88}, {13000, 90}};

bool tooNew(const char *text, int driver) {
  const char *directive = std::strstr(text, ".version");
  int major = 0, minor = 0, newest = 0;
  if (!directive ||
      std::sscanf(directive, ".version %d.%d", &major, &minor) != 2)
    return false;
  for (const PtxRelease &release : releases)
    if (release.driver <= driver)
      newest = release.ptx;
  return 10 * major + minor > newest;
}

CUresult load(CUmodule *result, const void *image) {
  return guarded("cuModuleLoadData", true, [&]() -> CUresult {
    const char *text = static_cast<const char *>(image);
    if (!text)
      return CUDA_ERROR_INVALID_VALUE;
    // ELF, and the wrapper of several images.
    if (!std::memcmp(text,
                     "\x7f"
                     "ELF",
                     4) ||
        !std::memcmp(text, "\x50\xed\x55\xba", 4)) {
      std::fprintf(stderr, "gpusim: cuModuleLoadData: this image is machine "
                           "code; the simulator takes PTX text alone\n");
      return CUDA_ERROR_NO_BINARY_FOR_GPU;
    }
    if (tooNew(text, Engine::get().driverVersion))
      return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
    try {
      auto made = std::make_unique<CUmod_st>();
      made->module =
          std::make_unique<Module>(text, Engine::get().memory, currentDevice());
      *result = made.release();
      return CUDA_SUCCESS;
    } catch (const Fault &fault) {
      std::fprintf(stderr, "gpusim: cuModuleLoadData: %s\n", fault.what());
      return CUDA_ERROR_INVALID_PTX;
    }
  });
}

struct Extra {
  unsigned cluster[3] = {1, 1, 1};
  bool cooperative = false;
};

CUresult start(CUfunction function, const unsigned (&grid)[3],
               const unsigned (&block)[3], unsigned shared, CUstream stream,
               void **arguments, void **packed, const Extra &extra) {
  return guarded("cuLaunchKernel", true, [&]() -> CUresult {
    Engine *engine = &Engine::get();
    if (!function)
      return CUDA_ERROR_INVALID_HANDLE;
    if (packed) {
      std::fprintf(stderr, "gpusim: cuLaunchKernel: parameters in one buffer "
                           "are not supported\n");
      return CUDA_ERROR_NOT_SUPPORTED;
    }
    const Kernel *kernel = function->kernel;
    CUstream_st *on = engine->resolve(stream, currentDevice());
    if (function->module->module->device() != on->device) {
      std::fprintf(stderr,
                   "gpusim: cuLaunchKernel: '%s' was loaded on device "
                   "%d and is launched on device %d\n",
                   kernel->name.c_str(), function->module->module->device(),
                   on->device);
      return CUDA_ERROR_INVALID_HANDLE;
    }
    LaunchShape shape;
    for (int i = 0; i < 3; ++i) {
      shape.grid[i] = grid[i];
      shape.block[i] = block[i];
      shape.cluster[i] = extra.cluster[i];
      if (kernel->requiredCluster[0])
        shape.cluster[i] = kernel->requiredCluster[i];
    }
    shape.dynamicShared = shared;
    shape.device = on->device;
    shape.cooperative = extra.cooperative;
    std::vector<uint8_t> params(kernel->paramTotal, 0);
    for (size_t i = 0; i < kernel->paramOffsets.size(); ++i) {
      if (!arguments || !arguments[i])
        return CUDA_ERROR_INVALID_VALUE;
      std::memcpy(params.data() + kernel->paramOffsets[i], arguments[i],
                  kernel->paramBytes[i]);
    }
    engine->enqueue(
        stream, currentDevice(),
        std::make_shared<Call>(
            "kernel '" + kernel->name + "'", [=, params = std::move(params)] {
              launch(*kernel, shape, params, engine->memory, engine->options);
            }));
    return CUDA_SUCCESS;
  });
}

} // namespace

GPUSIM_API CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  return load(module, image);
}
GPUSIM_API CUresult cuModuleLoadDataEx(CUmodule *module, const void *image,
                                       unsigned, int *, void **) {
  return load(module, image); // options are hints and buffers for logs
}
GPUSIM_API CUresult cuModuleLoad(CUmodule *module, const char *path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  return text.size() < 4 ? CUDA_ERROR_INVALID_IMAGE
                         : load(module, text.c_str());
}
GPUSIM_API CUresult cuModuleUnload(CUmodule module) {
  return guarded("cuModuleUnload", true, [&] {
    Engine::get().drainDevice(module->module->device());
    delete module;
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuModuleGetFunction(CUfunction *function, CUmodule module,
                                        const char *name) {
  return guarded("cuModuleGetFunction", true, [&] {
    Kernel *kernel = module->module->kernel(name);
    if (!kernel)
      return CUDA_ERROR_NOT_FOUND;
    CUfunc_st &made = module->functions[name];
    made = {kernel, module};
    *function = &made;
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuModuleGetGlobal_v2(CUdeviceptr *address, size_t *bytes,
                                         CUmodule module, const char *name) {
  return guarded("cuModuleGetGlobal", true, [&] {
    uint64_t at, size;
    if (!module->module->variable(name, at, size))
      return CUDA_ERROR_NOT_FOUND;
    if (address)
      *address = at;
    if (bytes)
      *bytes = size_t(size);
    return CUDA_SUCCESS;
  });
}

GPUSIM_API CUresult cuFuncSetAttribute(CUfunction function, int attribute,
                                       int value) {
  return guarded("cuFuncSetAttribute", true, [&]() -> CUresult {
    if (attribute == 8) { // MAX_DYNAMIC_SHARED_SIZE_BYTES
      if (value < 0 ||
          uint64_t(value) + function->kernel->dynamicOffset > maxSharedBytes)
        return CUDA_ERROR_INVALID_VALUE;
      function->kernel->maxDynamicShared = uint32_t(value);
      return CUDA_SUCCESS;
    }
    return attribute >= 9 && attribute <= 15 ? CUDA_SUCCESS
                                             : CUDA_ERROR_INVALID_VALUE;
  });
}
GPUSIM_API CUresult cuFuncGetAttribute(int *value, int attribute,
                                       CUfunction function) {
  const Kernel &kernel = *function->kernel;
  switch (attribute) {
  case 0:
    *value = kernel.maxThreads ? int(kernel.maxThreads) : 1024;
    return CUDA_SUCCESS;
  case 1:
    *value = int(kernel.staticShared);
    return CUDA_SUCCESS;
  case 2:
    *value = 0;
    return CUDA_SUCCESS;
  case 3:
    *value = int(kernel.localBytes);
    return CUDA_SUCCESS;
  case 4: // the assembler's business: not known here
    *value = kernel.maxRegisters ? int(kernel.maxRegisters) : 0;
    return CUDA_SUCCESS;
  case 5:
  case 6:
    *value = 90;
    return CUDA_SUCCESS;
  case 8:
    *value = int(kernel.maxDynamicShared);
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_INVALID_VALUE;
}
GPUSIM_API CUresult cuFuncSetCacheConfig(CUfunction, int) {
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(
    int *blocks, CUfunction function, int threads, size_t dynamicShared) {
  // By threads and shared memory; registers are not known here.
  uint64_t shared = function->kernel->dynamicOffset + dynamicShared + 1024;
  *blocks = int(std::min<uint64_t>(
      {uint64_t(2048 / std::max(threads, 1)), 233472 / shared, 32}));
  return CUDA_SUCCESS;
}

GPUSIM_API CUresult cuLaunchKernel(CUfunction function, unsigned gx,
                                   unsigned gy, unsigned gz, unsigned bx,
                                   unsigned by, unsigned bz, unsigned shared,
                                   CUstream stream, void **arguments,
                                   void **packed) {
  return start(function, {gx, gy, gz}, {bx, by, bz}, shared, stream, arguments,
               packed, {});
}
GPUSIM_API CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned gx,
                                              unsigned gy, unsigned gz,
                                              unsigned bx, unsigned by,
                                              unsigned bz, unsigned shared,
                                              CUstream stream,
                                              void **arguments) {
  Extra extra;
  extra.cooperative = true;
  return start(function, {gx, gy, gz}, {bx, by, bz}, shared, stream, arguments,
               nullptr, extra);
}
GPUSIM_API CUresult cuLaunchKernelEx(const CUlaunchConfig *config,
                                     CUfunction function, void **arguments,
                                     void **packed) {
  Extra extra;
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const CUlaunchAttribute &attribute = config->attrs[i];
    switch (attribute.id) {
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
      extra.cluster[0] = attribute.value.clusterDim.x;
      extra.cluster[1] = attribute.value.clusterDim.y;
      extra.cluster[2] = attribute.value.clusterDim.z;
      break;
    case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
      extra.cooperative = attribute.value.cooperative != 0;
      break;
    case CU_LAUNCH_ATTRIBUTE_IGNORE:
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
    case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
    case CU_LAUNCH_ATTRIBUTE_PRIORITY:
      break;
    default:
      std::fprintf(stderr,
                   "gpusim: cuLaunchKernelEx: attribute %d is not supported\n",
                   attribute.id);
      return CUDA_ERROR_NOT_SUPPORTED;
    }
  }
  return start(function, {config->gridDimX, config->gridDimY, config->gridDimZ},
               {config->blockDimX, config->blockDimY, config->blockDimZ},
               config->sharedMemBytes, config->hStream, arguments, packed,
               extra);
}
