#include "runtime/train/Orthogonal.h"
#include "runtime/support/Error.h"

#include <algorithm>
#include <mutex>
#include <vector>

// LAPACK, as OpenBLAS brings it; matrices are column-major.
extern "C" {
void sgeqrf_(const int *m, const int *n, float *a, const int *lda, float *tau, float *work, const int *lwork, int *info);
void sorgqr_(const int *m, const int *n, const int *k, float *a, const int *lda, const float *tau, float *work,
             const int *lwork, int *info);
void openblas_set_num_threads(int threads);
}

namespace pgrt {

// Q of the tall column-major matrix a [m, n], m ≥ n, in its place.
static void orthonormalColumns(int m, int n, float *a, float scale) {
  std::vector<float> tau(static_cast<size_t>(n));
  int info = 0, query = -1;
  float wanted[2] = {};
  sgeqrf_(&m, &n, a, &m, tau.data(), &wanted[0], &query, &info);
  sorgqr_(&m, &n, &n, a, &m, tau.data(), &wanted[1], &query, &info);
  int lwork = std::max({int(wanted[0]), int(wanted[1]), n});
  std::vector<float> work(static_cast<size_t>(lwork));
  sgeqrf_(&m, &n, a, &m, tau.data(), work.data(), &lwork, &info);
  std::vector<float> signs(static_cast<size_t>(n));
  for (int j = 0; j < n; ++j)
    signs[size_t(j)] = a[size_t(j) * size_t(m) + size_t(j)] < 0 ? -scale : scale;
  if (info == 0)
    sorgqr_(&m, &n, &n, a, &m, tau.data(), work.data(), &lwork, &info);
  if (info != 0)
    failMachine("LAPACK failed on a matrix of ", m, " × ", n);
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < m; ++i)
      a[size_t(j) * size_t(m) + size_t(i)] *= signs[size_t(j)];
}

// `from` [rows, cols] to `to` [cols, rows], in blocks that stay in the cache.
static void transpose(const float *from, int64_t rows, int64_t cols, float *to) {
  constexpr int64_t block = 32;
  for (int64_t r0 = 0; r0 < rows; r0 += block)
    for (int64_t c0 = 0; c0 < cols; c0 += block)
      for (int64_t r = r0; r < std::min(rows, r0 + block); ++r)
        for (int64_t c = c0; c < std::min(cols, c0 + block); ++c)
          to[c * rows + r] = from[r * cols + c];
}

void fillOrthogonal(const PhiloxStream &stream, int64_t rows, int64_t cols, double scale, float *out) {
  static std::once_flag once;
  std::call_once(once, [] { openblas_set_num_threads(1); }); // the same bits whatever the machine's number of cores
  stream.normals(0, rows * cols, 1.0f, out);
  if (rows <= cols) {
    // A wide row-major matrix is its tall transpose in LAPACK's order.
    orthonormalColumns(int(cols), int(rows), out, float(scale));
    return;
  }
  std::vector<float> columns(size_t(rows * cols));
  transpose(out, rows, cols, columns.data());
  orthonormalColumns(int(rows), int(cols), columns.data(), float(scale));
  transpose(columns.data(), cols, rows, out);
}

} // namespace pgrt
