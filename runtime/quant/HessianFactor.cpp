#include "runtime/quant/HessianFactor.h"

#include "runtime/support/BlasThreads.h"
#include "runtime/support/Error.h"

#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <numeric>
#include <sys/mman.h>

namespace pgrt {

/// Not set. In huge pages where they fit: faults of small ones take a twelfth
/// of the time of a factorisation of 2048 columns.
static double *allocateMatrix(int64_t n) {
  constexpr size_t hugePage = size_t(2) << 20;
  const size_t bytes = size_t(n * n) * sizeof(double),
               alignment = bytes < hugePage ? 64 : hugePage,
               rounded = (bytes + alignment - 1) / alignment * alignment;
  void *memory = std::aligned_alloc(alignment, rounded);
  if (!memory)
    throw std::bad_alloc();
  if (alignment == hugePage)
    madvise(memory, rounded, MADV_HUGEPAGE);
  return static_cast<double *>(memory);
}

HessianFactor::HessianFactor(std::span<const float> hessian, int64_t columns,
                             double damp, const char *what)
    : n(columns), order(size_t(columns)), dead(size_t(columns)) {
  compute(hessian, damp, what);
}

HessianFactor::HessianFactor(std::span<const double> hessian, int64_t columns,
                             double damp, const char *what)
    : n(columns), order(size_t(columns)), dead(size_t(columns)) {
  compute(hessian, damp, what);
}

template <typename T>
void HessianFactor::compute(std::span<const T> hessian, double damp,
                            const char *what) {
  std::vector<double> diagonal(n);
  for (int64_t j = 0; j < n; ++j) {
    diagonal[j] = hessian[j * n + j];
    if (!std::isfinite(diagonal[j]))
      failInput("the Hessian of ", what, " is not finite at column ", j);
    dead[j] = diagonal[j] == 0;
    if (dead[j])
      diagonal[j] = 1;
  }
  const double added = damp *
                       std::accumulate(diagonal.begin(), diagonal.end(), 0.0) /
                       static_cast<double>(n);
  for (double &value : diagonal)
    value += added;
  std::iota(order.begin(), order.end(), 0);
  // A total order, so that the result does not hang on the sort.
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return diagonal[a] != diagonal[b] ? diagonal[a] < diagonal[b] : a > b;
  });
  factorise(hessian, diagonal, what);
}

template <typename T>
void HessianFactor::factorise(std::span<const T> hessian,
                              const std::vector<double> &diagonal,
                              const char *what) {
  oneBlasThreadEach();
  lower.reset(allocateMatrix(n));
  for (int64_t i = 0; i < n; ++i) {
    const T *from = hessian.data() + order[i] * n;
    double *to = lower.get() + i * n;
    for (int64_t j = 0; j < i; ++j)
      to[j] = static_cast<double>(from[order[j]]);
    to[i] = diagonal[order[i]];
  }
  // Lower by rows is upper by columns, LAPACK's own layout: nothing is turned.
  int status = LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', static_cast<int>(n),
                                   lower.get(), static_cast<int>(n));
  // What is not finite in a row of the Hessian ends up in the row's diagonal.
  for (int64_t j = 0; status == 0 && j < n; ++j)
    status = std::isfinite(lower[j * n + j]) ? 0 : 1;
  if (status != 0)
    failInput("the Hessian of ", what,
              " is not positive definite, although it was damped; are its "
              "inputs finite?");
}

} // namespace pgrt
