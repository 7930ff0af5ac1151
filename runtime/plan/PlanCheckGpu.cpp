// What a GPU plan says of its kernels: launches, tensor maps, library products.

#include "runtime/plan/PlanCheckBase.h"

#include <algorithm>

namespace pgrt {

namespace {
// Of sm_90: CUDA C++ Programming Guide, "Technical Specifications per Compute
// Capability", and cuTensorMapEncodeTiled in the driver's API.
constexpr uint32_t maxGridX = 0x7fffffff, maxGridOther = 65535;
constexpr uint32_t maxThreads = 1024, maxShared = 227 * 1024, maxCluster = 16;
constexpr int64_t maxParameterBytes = 32764;
constexpr uint32_t maxBox = 256;
constexpr int maxAxes = 5;

class GpuCheck : PlanCheckBase {
public:
  using PlanCheckBase::PlanCheckBase;

  void run() {
    bool isGpu = isGpuPlan(plan);
    for (const plan::Code &code : plan.code()) {
      if ((code.target() == gpuTargetName) != isGpu)
        badPlan("it has code for a CPU and for a GPU: each is a plan of its "
                "own, in `devices`");
      if (isGpu == code.ptx().empty() && (!isGpu || hasLaunches()))
        badPlan(isGpu ? "its GPU code has no PTX" : "its CPU code has PTX");
    }
    for (const plan::Kernel &kernel : plan.kernels()) {
      std::string what = cat("kernel '", kernel.symbol(), "'");
      if (kernel.has_gpu() && kernel.has_library())
        badPlan(what, " is both a launch and a library's product");
      if ((kernel.has_gpu() || kernel.has_library()) != isGpu)
        badPlan(what, isGpu ? " says not how a GPU computes it"
                            : " is for a GPU, its plan for a CPU");
      if (kernel.has_gpu())
        checkLaunch(kernel, what);
      if (kernel.has_library())
        checkProduct(kernel, what);
    }
  }

private:
  bool hasLaunches() const {
    return std::any_of(
        plan.kernels().begin(), plan.kernels().end(),
        [](const plan::Kernel &kernel) { return kernel.has_gpu(); });
  }

  void checkLaunch(const plan::Kernel &kernel, const std::string &what) {
    const plan::GpuLaunch &gpu = kernel.gpu();
    auto outside = [](uint32_t value, uint32_t most) {
      return value < 1 || value > most;
    };
    if (outside(gpu.grid_x(), maxGridX) ||
        outside(gpu.grid_y(), maxGridOther) ||
        outside(gpu.grid_z(), maxGridOther))
      badPlan(what, " has a grid of ", gpu.grid_x(), " × ", gpu.grid_y(), " × ",
              gpu.grid_z(), " blocks");
    if (outside(gpu.threads(), maxThreads))
      badPlan(what, " has blocks of ", gpu.threads(), " threads");
    if (gpu.shared_bytes() > maxShared)
      badPlan(what, " asks for ", gpu.shared_bytes(),
              " bytes of shared memory, of ", maxShared);
    if (gpu.cluster() > maxCluster ||
        (gpu.cluster() > 1 && gpu.grid_x() % gpu.cluster() != 0))
      badPlan(what, " has clusters of ", gpu.cluster(), " blocks, of ",
              gpu.grid_x());
    if (8 * int64_t(kernel.buffer_bytes_size()) + 64 +
            128 * int64_t(gpu.tensor_maps_size()) >
        maxParameterBytes)
      badPlan(what, " has ", kernel.buffer_bytes_size(), " buffers and ",
              gpu.tensor_maps_size(),
              " tensor maps: a launch cannot pass them");
    for (int i = 0; i < gpu.tensor_maps_size(); ++i)
      checkMap(kernel, gpu.tensor_maps(i), cat(what, ", tensor map ", i));
  }

  void checkMap(const plan::Kernel &kernel, const plan::TensorMap &map,
                const std::string &what) {
    if (map.buffer() >= uint32_t(kernel.buffer_bytes_size()))
      badPlan(what, " refers to buffer ", map.buffer(), ", of ",
              kernel.buffer_bytes_size());
    if (map.type() != plan::F32 && map.type() != plan::F64 &&
        map.type() != plan::BF16)
      badPlan(what, " has elements that cannot be copied in boxes");
    int axes = map.sizes_size();
    if (axes < 1 || axes > maxAxes || map.strides_size() != axes - 1 ||
        map.box_size() != axes)
      badPlan(what, " has ", axes, " sizes, ", map.strides_size(),
              " strides and a box of ", map.box_size(), " axes");
    int64_t element = typeBytes(map.type()), extent = element;
    for (int i = 0; i < axes; ++i) {
      int64_t size = map.sizes(i), stride = i ? map.strides(i - 1) : element;
      if (size < 1 || size > int64_t(1) << 32 || map.box(i) < 1 ||
          map.box(i) > maxBox)
        badPlan(what, ", axis ", i, ": ", size, " elements in boxes of ",
                map.box(i));
      if (i > 0 && (stride < 16 || stride % 16 || stride >= int64_t(1) << 40))
        badPlan(what, ", axis ", i, ": a stride of ", stride, " bytes");
      int64_t reach;
      if (!checkedMul(size - 1, stride, reach) ||
          !checkedAdd(extent, reach, extent))
        badPlan(what, " is larger than any memory");
    }
    int64_t bytes = kernel.buffer_bytes(int(map.buffer()));
    if (extent > bytes)
      badPlan(what, " covers ", extent, " bytes of a buffer of ", bytes);
    int64_t inner = int64_t(map.box(0)) * element;
    uint32_t swizzle = map.swizzle();
    if (inner % 16 ||
        (swizzle != 0 && swizzle != 32 && swizzle != 64 && swizzle != 128) ||
        (swizzle != 0 && inner > swizzle))
      badPlan(what, " has boxes of ", inner, " bytes and a swizzle of ",
              swizzle);
  }

  void checkProduct(const plan::Kernel &kernel, const std::string &what) {
    const plan::LibraryProduct &product = kernel.library();
    if (kernel.buffer_bytes_size() != 3 || kernel.results() != 1 ||
        kernel.scalars() != 0)
      badPlan(what, " is a library's product of two operands, and has ",
              kernel.buffer_bytes_size(), " buffers, ", kernel.results(),
              " of them results, and ", kernel.scalars(), " scalars");
    if (product.m() < 1 || product.n() < 1 || product.k() < 1 ||
        product.batch() < 1 || product.m() > INT32_MAX ||
        product.n() > INT32_MAX || product.k() > INT32_MAX ||
        product.batch() > INT32_MAX)
      badPlan(what, " multiplies ", product.batch(), " × ", product.m(), " × ",
              product.n(), " × ", product.k());
    auto matrix = [&](int buffer, int64_t rows, int64_t columns, int64_t stride,
                      plan::Type type, const char *name) {
      if (type != plan::F32 && type != plan::F64 && type != plan::BF16)
        badPlan(what, ": ", name, " has elements that cannot be multiplied");
      int64_t elements, bytes;
      if (stride < 0 || !checkedMul(product.batch() - 1, stride, elements) ||
          !checkedAdd(elements, rows * columns, elements) ||
          !checkedMul(elements, typeBytes(type), bytes) ||
          bytes > kernel.buffer_bytes(buffer))
        badPlan(what, ": ", name, " lies outside its buffer of ",
                kernel.buffer_bytes(buffer), " bytes");
    };
    matrix(0, product.m(), product.k(), product.stride_a(), product.a_type(),
           "A");
    matrix(1, product.k(), product.n(), product.stride_b(), product.b_type(),
           "B");
    matrix(2, product.m(), product.n(), product.stride_d(), product.d_type(),
           "D");
    if (product.batch() > 1 && product.stride_d() < product.m() * product.n())
      badPlan(what, ": results of a batch overlap");
  }
};
} // namespace

void checkPlanGpuKernels(const plan::Plan &plan) { GpuCheck(plan).run(); }

} // namespace pgrt
