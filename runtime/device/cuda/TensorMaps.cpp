#include "runtime/device/cuda/TensorMaps.h"
#include "runtime/support/Error.h"

#include <array>

namespace pgrt::cuda {

static int typeOf(plan::Type type) {
  switch (type) {
  case plan::F32:
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  case plan::F64:
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT64;
  case plan::BF16:
    return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  case plan::I64:
    return CU_TENSOR_MAP_DATA_TYPE_INT64;
  default:
    return CU_TENSOR_MAP_DATA_TYPE_UINT8;
  }
}

static int swizzleOf(uint32_t bytes) {
  switch (bytes) {
  case 32:
    return CU_TENSOR_MAP_SWIZZLE_32B;
  case 64:
    return CU_TENSOR_MAP_SWIZZLE_64B;
  case 128:
    return CU_TENSOR_MAP_SWIZZLE_128B;
  default:
    return CU_TENSOR_MAP_SWIZZLE_NONE;
  }
}

CUtensorMap encodeTensorMap(const Driver &driver, const plan::TensorMap &map,
                            void *buffer, const std::string &kernel) {
  constexpr size_t mostAxes = 5;
  std::array<uint64_t, mostAxes> sizes{}, strides{};
  std::array<uint32_t, mostAxes> box{}, steps{};
  steps.fill(1);
  for (int i = 0; i < map.sizes_size(); ++i) {
    sizes[size_t(i)] = uint64_t(map.sizes(i));
    box[size_t(i)] = map.box(i);
  }
  for (int i = 0; i < map.strides_size(); ++i)
    strides[size_t(i)] = uint64_t(map.strides(i));
  CUtensorMap encoded;
  CUresult result = driver.cuTensorMapEncodeTiled(
      &encoded, typeOf(map.type()), uint32_t(map.sizes_size()), buffer,
      sizes.data(), strides.data(), box.data(), steps.data(),
      /*interleave=*/0, swizzleOf(map.swizzle()),
      CU_TENSOR_MAP_L2_PROMOTION_L2_256B, /*fill=*/0);
  if (result != CUDA_SUCCESS)
    failInput("kernel '", kernel, "' has a tensor map of buffer ", map.buffer(),
              " that the driver does not take: ", driver.explain(result));
  return encoded;
}

} // namespace pgrt::cuda
