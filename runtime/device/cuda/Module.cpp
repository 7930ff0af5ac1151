#include "runtime/device/cuda/Module.h"
#include "runtime/device/cuda/TensorMaps.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/support/Error.h"

#include <array>

namespace pgrt::cuda {

static const plan::Code *gpuCode(const plan::Plan &plan) {
  for (const plan::Code &code : plan.code())
    if (code.target() == gpuTargetName)
      return &code;
  return nullptr;
}

Module::Module(const Driver &driver, const plan::Plan &plan)
    : driver(driver), module(nullptr, [&driver](CUmodule loaded) {
        driver.cuModuleUnload(loaded);
      }) {
  bool compiled = false;
  for (const plan::Kernel &kernel : plan.kernels())
    compiled |= kernel.has_gpu();
  if (compiled) {
    const plan::Code *code = gpuCode(plan);
    if (!code)
      failInput("the plan has no code for sm_90a: compile it with "
                "--target=sm_90a");
    load(*code);
  }
  for (const plan::Kernel &kernel : plan.kernels()) {
    Loaded &loaded = kernels.emplace_back();
    loaded.kernel = &kernel;
    if (kernel.has_gpu())
      prepare(loaded);
  }
}

// Machine code first: the driver compiles PTX each time, unless its cache has
// it.
void Module::load(const plan::Code &code) {
  std::array<char, 4096> log{};
  int options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size() - 1)};
  CUmodule loaded = nullptr;
  CUresult result = CUDA_ERROR_NO_BINARY_FOR_GPU;
  if (!code.object().empty())
    result = driver.cuModuleLoadDataEx(&loaded, code.object().data(), 2,
                                       options, values);
  // A driver that is older than the machine code may know its PTX.
  if (result != CUDA_SUCCESS && !code.ptx().empty())
    result = driver.cuModuleLoadDataEx(&loaded, code.ptx().c_str(), 2, options,
                                       values);
  if (result == CUDA_SUCCESS) {
    module.reset(loaded);
    return;
  }
  if (result == CUDA_ERROR_UNSUPPORTED_PTX_VERSION)
    failMachine("the NVIDIA driver, for CUDA ", driver.version(),
                ", is too old for the plan's PTX: install a newer driver",
                code.object().empty()
                    ? ", or compile the plan where ptxas is, so that it holds "
                      "machine code"
                    : "");
  if (result == CUDA_ERROR_JIT_COMPILER_NOT_FOUND)
    failMachine("the plan holds PTX alone, and the NVIDIA driver's compiler "
                "(libnvidia-ptxjitcompiler.so.1) is not installed: install it, "
                "or compile the plan where ptxas is");
  std::string words = log.data();
  failInput("the driver does not take the plan's code for sm_90a: ",
            driver.explain(result), words.empty() ? "" : "\n", words);
}

void Module::prepare(Loaded &loaded) {
  const plan::Kernel &kernel = *loaded.kernel;
  if (driver.cuModuleGetFunction(&loaded.function, module.get(),
                                 kernel.symbol().c_str()) != CUDA_SUCCESS)
    failInput("the plan's code for sm_90a lacks the kernel '", kernel.symbol(),
              "'");
  auto set = [&](int attribute, uint32_t value) {
    CUresult result =
        driver.cuFuncSetAttribute(loaded.function, attribute, int(value));
    if (result != CUDA_SUCCESS)
      failInput("kernel '", kernel.symbol(), "' cannot be launched with ",
                kernel.gpu().shared_bytes(),
                " bytes of shared memory and clusters of ",
                kernel.gpu().cluster(), ": ", driver.explain(result));
  };
  // What every kernel may have without asking.
  constexpr uint32_t freeSharedBytes = 48 << 10, portableCluster = 8;
  if (kernel.gpu().shared_bytes() > freeSharedBytes)
    set(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
        kernel.gpu().shared_bytes());
  if (kernel.gpu().cluster() > portableCluster)
    set(CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1);
}

void Module::launch(int index, void *const *buffers, CUdeviceptr scalars,
                    CUstream stream) {
  const Loaded &loaded = kernels[size_t(index)];
  const plan::Kernel &kernel = *loaded.kernel;
  const plan::GpuLaunch &gpu = kernel.gpu();
  // The driver copies parameters when the call is made.
  std::vector<CUtensorMap> maps;
  maps.reserve(size_t(gpu.tensor_maps_size()));
  for (const plan::TensorMap &map : gpu.tensor_maps())
    maps.push_back(
        encodeTensorMap(driver, map, buffers[map.buffer()], kernel.symbol()));
  std::vector<void *> parameters;
  for (int i = 0; i < kernel.buffer_bytes_size(); ++i)
    parameters.push_back(const_cast<void **>(&buffers[i]));
  if (kernel.scalars())
    parameters.push_back(&scalars);
  for (CUtensorMap &map : maps)
    parameters.push_back(&map);

  CUlaunchAttribute cluster{};
  cluster.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
  cluster.value.clusterDim = {gpu.cluster(), 1, 1};
  CUlaunchConfig config{};
  config.gridDimX = gpu.grid_x();
  config.gridDimY = gpu.grid_y();
  config.gridDimZ = gpu.grid_z();
  config.blockDimX = gpu.threads();
  config.blockDimY = config.blockDimZ = 1;
  config.sharedMemBytes = gpu.shared_bytes();
  config.hStream = stream;
  config.attrs = &cluster;
  config.numAttrs = gpu.cluster() > 1;
  CUresult result = driver.cuLaunchKernelEx(&config, loaded.function,
                                            parameters.data(), nullptr);
  if (result != CUDA_SUCCESS)
    driver.fail(result, cat("cannot launch kernel '", kernel.symbol(), "'"));
}

} // namespace pgrt::cuda
