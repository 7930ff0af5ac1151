// cuBLASLt's calls.
#include "tools/gpusim/driver/Engine.h"
#include "tools/gpusim/lt/Matmul.h"

#include <cstdio>
#include <cstring>
#include <memory>

using namespace gpusim;

namespace {

struct Field {
  void *at;
  size_t bytes;
};

Field layoutField(MatrixLayout *layout, int attribute) {
  switch (attribute) {
  case 0:
    return {&layout->type, 4};
  case 1:
    return {&layout->order, 4};
  case 2:
    return {&layout->rows, 8};
  case 3:
    return {&layout->columns, 8};
  case 4:
    return {&layout->lead, 8};
  case 5:
    return {&layout->batch, 4};
  case 6:
    return {&layout->batchStride, 8};
  }
  return {nullptr, 0};
}

Field descriptorField(MatmulDescriptor *how, int attribute) {
  switch (attribute) {
  case 0:
    return {&how->compute, 4};
  case 1:
    return {&how->scale, 4};
  case 2:
    return {&how->pointerMode, 4};
  case 3:
    return {&how->transposeA, 4};
  case 4:
    return {&how->transposeB, 4};
  case 5:
    return {&how->transposeC, 4};
  case 6:
    return {&how->fillMode, 4};
  case 7:
    return {&how->epilogue, 4};
  case 8:
    return {&how->bias, 8};
  case 10:
    return {&how->biasStride, 8};
  case 11:
    return {&how->aux, 8};
  case 12:
    return {&how->auxLead, 8};
  case 13:
    return {&how->auxStride, 8};
  case 15:
    return {&how->multiprocessors, 4};
  case 22:
    return {&how->auxType, 4};
  case 26:
    return {&how->biasType, 4};
  }
  return {nullptr, 0};
}

cublasStatus_t setField(Field field, const void *value, size_t bytes) {
  if (!field.at || !value || bytes != field.bytes)
    return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(field.at, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t getField(Field field, void *value, size_t bytes,
                        size_t *written) {
  if (written)
    *written = field.bytes;
  if (!field.at || (bytes && bytes < field.bytes))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (bytes)
    std::memcpy(value, field.at, field.bytes);
  return CUBLAS_STATUS_SUCCESS;
}

void initLayout(MatrixLayout *layout, int type, uint64_t rows, uint64_t columns,
                int64_t lead) {
  std::memset(layout, 0, sizeof(*layout));
  layout->type = type;
  layout->rows = rows;
  layout->columns = columns;
  layout->lead = lead;
  layout->batch = 1;
}
void initDescriptor(MatmulDescriptor *how, int compute, int scale) {
  std::memset(how, 0, sizeof(*how));
  how->compute = compute;
  how->scale = scale;
  how->epilogue = EpilogueDefault;
  how->fillMode = 2;
  how->auxType = how->biasType = -1;
}

} // namespace

GPUSIM_API cublasStatus_t cublasLtCreate(void **handle) {
  *handle = new int(0);
  return CUBLAS_STATUS_SUCCESS;
}
GPUSIM_API cublasStatus_t cublasLtDestroy(void *handle) {
  delete static_cast<int *>(handle);
  return CUBLAS_STATUS_SUCCESS;
}
GPUSIM_API size_t cublasLtGetVersion() { return 130000; }
GPUSIM_API size_t cublasLtGetCudartVersion() { return 13000; }
GPUSIM_API const char *cublasLtGetStatusName(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS         ? "CUBLAS_STATUS_SUCCESS"
         : status == CUBLAS_STATUS_INVALID_VALUE ? "CUBLAS_STATUS_INVALID_VALUE"
         : status == CUBLAS_STATUS_NOT_SUPPORTED
             ? "CUBLAS_STATUS_NOT_SUPPORTED"
             : "CUBLAS_STATUS_EXECUTION_FAILED";
}
GPUSIM_API const char *cublasLtGetStatusString(cublasStatus_t status) {
  return cublasLtGetStatusName(status);
}

GPUSIM_API cublasStatus_t cublasLtMatrixLayoutInit_internal(
    MatrixLayout *layout, size_t size, int type, uint64_t rows,
    uint64_t columns, int64_t lead) {
  if (size < sizeof(*layout))
    return CUBLAS_STATUS_INVALID_VALUE;
  initLayout(layout, type, rows, columns, lead);
  return CUBLAS_STATUS_SUCCESS;
}
GPUSIM_API cublasStatus_t cublasLtMatrixLayoutCreate(MatrixLayout **layout,
                                                     int type, uint64_t rows,
                                                     uint64_t columns,
                                                     int64_t lead) {
  *layout = new MatrixLayout;
  initLayout(*layout, type, rows, columns, lead);
  return CUBLAS_STATUS_SUCCESS;
}
GPUSIM_API cublasStatus_t cublasLtMatrixLayoutDestroy(MatrixLayout *layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}
GPUSIM_API cublasStatus_t cublasLtMatrixLayoutSetAttribute(MatrixLayout *layout,
                                                           int attribute,
                                                           const void *value,
                                                           size_t bytes) {
  return setField(layoutField(layout, attribute), value, bytes);
}
GPUSIM_API cublasStatus_t cublasLtMatrixLayoutGetAttribute(MatrixLayout *layout,
                                                           int attribute,
                                                           void *value,
                                                           size_t bytes,
                                                           size_t *written) {
  return getField(layoutField(layout, attribute), value, bytes, written);
}

GPUSIM_API cublasStatus_t cublasLtMatmulDescInit_internal(MatmulDescriptor *how,
                                                          size_t size,
                                                          int compute,
                                                          int scale) {
  if (size < sizeof(*how))
    return CUBLAS_STATUS_INVALID_VALUE;
  initDescriptor(how, compute, scale);
  return CUBLAS_STATUS_SUCCESS;
}
GPUSIM_API cublasStatus_t cublasLtMatmulDescCreate(MatmulDescriptor **how,
                                                   int compute, int scale) {
  *how = new MatmulDescriptor;
  initDescriptor(*how, compute, scale);
  return CUBLAS_STATUS_SUCCESS;
}
GPUSIM_API cublasStatus_t cublasLtMatmulDescDestroy(MatmulDescriptor *how) {
  delete how;
  return CUBLAS_STATUS_SUCCESS;
}
GPUSIM_API cublasStatus_t cublasLtMatmulDescSetAttribute(MatmulDescriptor *how,
                                                         int attribute,
                                                         const void *value,
                                                         size_t bytes) {
  Field field = descriptorField(how, attribute);
  if (!field.at) { // scales of 8-bit types and the like
    how->unknown = uint32_t(attribute) + 1;
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  return setField(field, value, bytes);
}
GPUSIM_API cublasStatus_t cublasLtMatmulDescGetAttribute(MatmulDescriptor *how,
                                                         int attribute,
                                                         void *value,
                                                         size_t bytes,
                                                         size_t *written) {
  return getField(descriptorField(how, attribute), value, bytes, written);
}

// Preferences choose between algorithms: there is one here.
GPUSIM_API cublasStatus_t cublasLtMatmulPreferenceInit_internal(void *,
                                                                size_t) {
  return CUBLAS_STATUS_SUCCESS;
}
GPUSIM_API cublasStatus_t cublasLtMatmulPreferenceCreate(void **preference) {
  *preference = new uint64_t[8]();
  return CUBLAS_STATUS_SUCCESS;
}
GPUSIM_API cublasStatus_t cublasLtMatmulPreferenceDestroy(void *preference) {
  delete[] static_cast<uint64_t *>(preference);
  return CUBLAS_STATUS_SUCCESS;
}
GPUSIM_API cublasStatus_t cublasLtMatmulPreferenceSetAttribute(void *, int,
                                                               const void *,
                                                               size_t) {
  return CUBLAS_STATUS_SUCCESS;
}

GPUSIM_API cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    void *, MatmulDescriptor *how, MatrixLayout *a, MatrixLayout *b,
    MatrixLayout *c, MatrixLayout *d, void *, int requested,
    MatmulHeuristicResult *results, int *found) {
  Matmul matmul{*how, *a, *b, *c, *d, 0, 0, 0, 0, 1, 0, 0, 0};
  // Addresses of an epilogue may be set later.
  if (!matmul.how.aux)
    matmul.how.aux = 1;
  if (!matmul.how.bias)
    matmul.how.bias = 1;
  *found = 0;
  std::string wrong = checkMatmul(matmul);
  if (!wrong.empty() || requested < 1) {
    std::fprintf(stderr, "gpusim: cublasLtMatmul: %s is not supported\n",
                 wrong.c_str());
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  std::memset(results, 0, sizeof(*results));
  results->wavesCount = 1;
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}

GPUSIM_API cublasStatus_t
cublasLtMatmul(void *, MatmulDescriptor *how, const void *alpha, const void *a,
               MatrixLayout *layoutA, const void *b, MatrixLayout *layoutB,
               const void *beta, const void *c, MatrixLayout *layoutC, void *d,
               MatrixLayout *layoutD, const MatmulAlgorithm *, void *, size_t,
               CUstream stream) {
  auto address = [](const void *p) { return uint64_t(uintptr_t(p)); };
  Matmul matmul{*how,       *layoutA,   *layoutB,   *layoutC,   *layoutD,
                address(a), address(b), address(c), address(d), 0,
                0,          0,          0};
  if (how->pointerMode == 0) {
    auto value = [&](const void *from) {
      double wide;
      float narrow;
      if (how->scale == CUDA_R_64F)
        return std::memcpy(&wide, from, 8), wide;
      return std::memcpy(&narrow, from, 4), double(narrow);
    };
    matmul.alpha = value(alpha);
    matmul.beta = value(beta);
  } else if (how->pointerMode == 1) {
    matmul.alphaAt = address(alpha);
    matmul.betaAt = address(beta);
  } else {
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  std::string wrong = checkMatmul(matmul);
  if (!wrong.empty()) {
    std::fprintf(stderr, "gpusim: cublasLtMatmul: %s is not supported\n",
                 wrong.c_str());
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  CUresult result = guarded("cublasLtMatmul", true, [&] {
    Engine::get().enqueue(stream, currentDevice(),
                          std::make_shared<Call>("cublasLtMatmul", [matmul] {
                            runMatmul(matmul);
                          }));
    return CUDA_SUCCESS;
  });
  return result ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}
