#include "runtime/train/Orthogonal.h"
#include "runtime/support/BlasThreads.h"
#include "runtime/support/Error.h"

#include <algorithm>
#include <vector>

// LAPACK, as OpenBLAS brings it; matrices are column-major.
extern "C" {
void sgeqrf_(const int *m, const int *n, float *a, const int *lda, float *tau,
             float *work, const int *lwork, int *info);
void sorgqr_(const int *m, const int *n, const int *k, float *a, const int *lda,
             const float *tau, float *work, const int *lwork, int *info);
}

namespace pgrt {

// Q of the tall column-major matrix a [m, n], m ≥ n, in its place.
static void orthonormalColumns(int m, int n, float *a, float scale) {
  thread_local std::vector<float> tau, work,
      signs; // kept: fresh pages cost more than the small matrices
  tau.resize(size_t(n));
  signs.resize(size_t(n));
  int info = 0, query = -1;
  float wanted[2] = {};
  sgeqrf_(&m, &n, a, &m, tau.data(), &wanted[0], &query, &info);
  sorgqr_(&m, &n, &n, a, &m, tau.data(), &wanted[1], &query, &info);
  int lwork = std::max({int(wanted[0]), int(wanted[1]), n});
  work.resize(size_t(lwork));
  sgeqrf_(&m, &n, a, &m, tau.data(), work.data(), &lwork, &info);
  for (int j = 0; j < n; ++j)
    signs[size_t(j)] =
        a[size_t(j) * size_t(m) + size_t(j)] < 0 ? -scale : scale;
  if (info == 0)
    sorgqr_(&m, &n, &n, a, &m, tau.data(), work.data(), &lwork, &info);
  if (info != 0)
    failMachine("LAPACK failed on a matrix of ", m, " × ", n);
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < m; ++i)
      a[size_t(j) * size_t(m) + size_t(i)] *= signs[size_t(j)];
}

// `from` [rows, cols] to `to` [cols, rows]. Sizes are often powers of two, at
// which lines of one column share a cache set: 8 rows at a time still fit.
static void transpose(const float *from, int64_t rows, int64_t cols,
                      float *to) {
  for (int64_t c0 = 0; c0 < cols; c0 += 16)
    for (int64_t r0 = 0; r0 < rows; r0 += 8)
      for (int64_t c = c0; c < std::min(cols, c0 + 16); ++c)
        for (int64_t r = r0; r < std::min(rows, r0 + 8); ++r)
          to[c * rows + r] = from[r * cols + c];
}

void fillOrthogonal(const PhiloxStream &stream, int64_t rows, int64_t cols,
                    double scale, float *out) {
  oneBlasThreadEach();
  // A wide row-major matrix is its tall transpose in LAPACK's order.
  int shorter = int(std::min(rows, cols)), longer = int(std::max(rows, cols));
  if (rows <= cols) {
    stream.normals(0, rows * cols, 1.0f, out);
    orthonormalColumns(longer, shorter, out, float(scale));
    return;
  }
  thread_local std::vector<float> wide;
  wide.resize(size_t(rows * cols));
  stream.normals(0, rows * cols, 1.0f, wide.data());
  orthonormalColumns(longer, shorter, wide.data(), float(scale));
  transpose(wide.data(), cols, rows, out);
}

} // namespace pgrt
