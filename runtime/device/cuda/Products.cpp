#include "runtime/device/cuda/Products.h"
#include "runtime/support/Error.h"
#include "runtime/support/SharedLibrary.h"

#include <algorithm>
#include <numeric>

namespace pgrt::cuda {

#define PGRT_CUBLASLT_FUNCTIONS(F)                                             \
  F(cublasLtCreate, (cublasLtHandle_t *))                                      \
  F(cublasLtDestroy, (cublasLtHandle_t))                                       \
  F(cublasLtMatmulDescCreate, (cublasLtMatmulDesc_t *, int, int))              \
  F(cublasLtMatmulDescDestroy, (cublasLtMatmulDesc_t))                         \
  F(cublasLtMatmulDescSetAttribute,                                            \
    (cublasLtMatmulDesc_t, int, const void *, size_t))                         \
  F(cublasLtMatrixLayoutCreate,                                                \
    (cublasLtMatrixLayout_t *, int, uint64_t, uint64_t, int64_t))              \
  F(cublasLtMatrixLayoutDestroy, (cublasLtMatrixLayout_t))                     \
  F(cublasLtMatrixLayoutSetAttribute,                                          \
    (cublasLtMatrixLayout_t, int, const void *, size_t))                       \
  F(cublasLtMatmulPreferenceCreate, (cublasLtMatmulPreference_t *))            \
  F(cublasLtMatmulPreferenceDestroy, (cublasLtMatmulPreference_t))             \
  F(cublasLtMatmulPreferenceSetAttribute,                                      \
    (cublasLtMatmulPreference_t, int, const void *, size_t))                   \
  F(cublasLtMatmulAlgoGetHeuristic,                                            \
    (cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,           \
     cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,   \
     cublasLtMatmulPreference_t, int, cublasLtMatmulHeuristicResult_t *,       \
     int *))                                                                   \
  F(cublasLtMatmul, (cublasLtHandle_t, cublasLtMatmulDesc_t, const void *,     \
                     const void *, cublasLtMatrixLayout_t, const void *,       \
                     cublasLtMatrixLayout_t, const void *, const void *,       \
                     cublasLtMatrixLayout_t, void *, cublasLtMatrixLayout_t,   \
                     const cublasLtMatmulAlgo_t *, void *, size_t, CUstream))

struct Products::Library {
  Library() {
    SharedLibrary opened({"libcublasLt.so.13", "libcublasLt.so.12"});
    if (!opened.found())
      failMachine("the plan's products need cuBLAS, and neither "
                  "libcublasLt.so.13 nor libcublasLt.so.12 is there (",
                  opened.problem(),
                  "): install the CUDA toolkit's libraries, or name their "
                  "folder in LD_LIBRARY_PATH");
#define PGRT_CUBLASLT_LOAD(name, parameters) opened.load(name, #name);
    PGRT_CUBLASLT_FUNCTIONS(PGRT_CUBLASLT_LOAD)
#undef PGRT_CUBLASLT_LOAD
    check(cublasLtCreate(&handle), "cannot start cuBLASLt");
  }
  ~Library() {
    if (handle)
      cublasLtDestroy(handle);
  }
  Library(const Library &) = delete;
  Library &operator=(const Library &) = delete;

  void check(cublasStatus_t status, const std::string &doing) const {
    if (status != CUBLAS_STATUS_SUCCESS)
      failMachine(doing, ": cuBLASLt's status ", status);
  }

#define PGRT_CUBLASLT_MEMBER(name, parameters)                                 \
  cublasStatus_t(*name) parameters = nullptr;
  PGRT_CUBLASLT_FUNCTIONS(PGRT_CUBLASLT_MEMBER)
#undef PGRT_CUBLASLT_MEMBER
  cublasLtHandle_t handle = nullptr;
};

namespace {
int typeOf(plan::Type type) {
  return type == plan::BF16  ? CUDA_R_16BF
         : type == plan::F64 ? CUDA_R_64F
                             : CUDA_R_32F;
}
int64_t bytesOf(plan::Type type) {
  return type == plan::BF16 ? 2 : type == plan::F64 ? 8 : 4;
}
} // namespace

/// Row-major matrices are the transposes of column-major ones, which the
/// library knows best: it is given D' = op(B)' op(A)'.
struct Products::Product {
  Product(const Library &library, const plan::Kernel &kernel)
      : library(library), name(kernel.symbol()), product(kernel.library()) {
    const bool wide = product.a_type() == plan::F64;
    check(library.cublasLtMatmulDescCreate(
        &how, wide ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F,
        wide ? CUDA_R_64F : CUDA_R_32F));
    set(CUBLASLT_MATMUL_DESC_TRANSA, product.transpose_b());
    set(CUBLASLT_MATMUL_DESC_TRANSB, product.transpose_a());
    left = layout(
        product.b_type(), product.transpose_b() ? product.k() : product.n(),
        product.transpose_b() ? product.n() : product.k(), product.stride_b());
    right = layout(
        product.a_type(), product.transpose_a() ? product.m() : product.k(),
        product.transpose_a() ? product.k() : product.m(), product.stride_a());
    result =
        layout(product.d_type(), product.n(), product.m(), product.stride_d());
    chooseAlgorithm();
  }
  ~Product() {
    for (cublasLtMatrixLayout_t layout : layouts)
      library.cublasLtMatrixLayoutDestroy(layout);
    if (how)
      library.cublasLtMatmulDescDestroy(how);
  }
  Product(const Product &) = delete;
  Product &operator=(const Product &) = delete;

  void launch(void *const *buffers, CUdeviceptr workspace, CUstream stream) {
    const float narrow[] = {1, product.accumulate() ? 1.0f : 0.0f};
    const double wide[] = {1, product.accumulate() ? 1.0 : 0.0};
    const bool isWide = product.a_type() == plan::F64;
    const void *alpha =
                   isWide ? static_cast<const void *>(&wide[0]) : &narrow[0],
               *beta =
                   isWide ? static_cast<const void *>(&wide[1]) : &narrow[1];
    check(library.cublasLtMatmul(
        library.handle, how, alpha, buffers[1], left, buffers[0], right, beta,
        buffers[2], result, buffers[2], result, &algorithm,
        reinterpret_cast<void *>(workspace), workspaceBytes, stream));
  }

private:
  void check(cublasStatus_t status) const {
    library.check(status, cat("kernel '", name, "', a product of ", product.m(),
                              " × ", product.k(), " × ", product.n()));
  }
  void set(int attribute, bool transposed) {
    int32_t value = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    check(library.cublasLtMatmulDescSetAttribute(how, attribute, &value,
                                                 sizeof value));
  }
  cublasLtMatrixLayout_t layout(plan::Type type, int64_t rows, int64_t columns,
                                int64_t stride) {
    cublasLtMatrixLayout_t made = nullptr;
    check(library.cublasLtMatrixLayoutCreate(
        &made, typeOf(type), uint64_t(rows), uint64_t(columns), rows));
    layouts.push_back(made);
    int32_t batch = int32_t(product.batch());
    check(library.cublasLtMatrixLayoutSetAttribute(
        made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch));
    check(library.cublasLtMatrixLayoutSetAttribute(
        made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride,
        sizeof stride));
    return made;
  }

  /// Buffers are aligned to 64 bytes; the matrices of a batch may be less so.
  uint32_t alignment(plan::Type type, int64_t stride) const {
    int64_t bytes = product.batch() > 1 ? stride * bytesOf(type) : 0;
    return uint32_t(std::gcd(int64_t(64), bytes));
  }

  // The first that the library's heuristics name: the same one for the same
  // library and GPU. Partial sums over k are kept in the type of the sums.
  void chooseAlgorithm() {
    cublasLtMatmulPreference_t wishes = nullptr;
    check(library.cublasLtMatmulPreferenceCreate(&wishes));
    auto wish = [&](int attribute, auto value) {
      library.cublasLtMatmulPreferenceSetAttribute(wishes, attribute, &value,
                                                   sizeof value);
    };
    wish(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t(workspaceBytes));
    wish(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
         uint32_t(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    wish(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
         alignment(product.b_type(), product.stride_b()));
    wish(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
         alignment(product.a_type(), product.stride_a()));
    for (int attribute : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
                          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      wish(attribute, alignment(product.d_type(), product.stride_d()));
    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    cublasStatus_t status = library.cublasLtMatmulAlgoGetHeuristic(
        library.handle, how, left, right, result, result, wishes, 1, &found,
        &count);
    library.cublasLtMatmulPreferenceDestroy(wishes);
    check(status);
    if (count < 1)
      check(CUBLAS_STATUS_NOT_SUPPORTED);
    check(found.state);
    algorithm = found.algo;
  }

  const Library &library;
  const std::string name;
  const plan::LibraryProduct product;
  std::vector<cublasLtMatrixLayout_t> layouts;
  cublasLtMatmulDesc_t how = nullptr;
  cublasLtMatrixLayout_t left = nullptr, right = nullptr, result = nullptr;
  cublasLtMatmulAlgo_t algorithm{};
};

Products::Products(const plan::Plan &plan)
    : products(size_t(plan.kernels_size())) {
  for (int i = 0; i < plan.kernels_size(); ++i) {
    if (!plan.kernels(i).has_library())
      continue;
    if (!library)
      library = std::make_unique<Library>();
    products[size_t(i)] = std::make_unique<Product>(*library, plan.kernels(i));
  }
}
Products::~Products() = default;

void Products::launch(int kernel, void *const *buffers, CUdeviceptr workspace,
                      CUstream stream) {
  products[size_t(kernel)]->launch(buffers, workspace, stream);
}

} // namespace pgrt::cuda
