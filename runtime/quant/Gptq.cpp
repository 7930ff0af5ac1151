#include "runtime/quant/Gptq.h"

#include "runtime/support/BlasThreads.h"
#include "runtime/support/Error.h"

#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pgrt {
namespace {

/// Columns by falling diagonal; equal ones keep their order, so that the result
/// does not hang on the sort.
std::vector<int64_t> orderOf(const std::vector<double> &diagonal) {
  std::vector<int64_t> order(diagonal.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return diagonal[a] != diagonal[b] ? diagonal[a] > diagonal[b] : a < b;
  });
  return order;
}

/// U, upper with H⁻¹ = Uᵀ U, of the permuted and damped Hessian; row-major.
/// With J the reversal of the order, J H J = L Lᵀ gives H = R Rᵀ with R = J L J
/// upper, so U = R⁻¹: one factorisation and one triangular inverse.
template <typename T>
std::vector<double>
inverseFactor(const GptqProblem<T> &problem, const std::vector<int64_t> &order,
              const std::vector<double> &diagonal, const char *what) {
  const int64_t n = problem.columns;
  std::vector<double> lower(n * n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      int64_t row = order[n - 1 - i], column = order[n - 1 - j];
      lower[i * n + j] =
          i == j ? diagonal[row]
                 : static_cast<double>(problem.hessian[row * n + column]);
    }
  int status = LAPACKE_dpotrf(LAPACK_ROW_MAJOR, 'L', static_cast<int>(n),
                              lower.data(), static_cast<int>(n));
  if (status == 0)
    status = LAPACKE_dtrtri(LAPACK_ROW_MAJOR, 'L', 'N', static_cast<int>(n),
                            lower.data(), static_cast<int>(n));
  if (status != 0)
    failInput("the Hessian of ", what,
              " is not positive definite, although it was damped; are its "
              "inputs finite?");
  std::vector<double> upper(n * n, 0.0);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j <= i; ++j)
      upper[(n - 1 - i) * n + (n - 1 - j)] = lower[i * n + j];
  return upper;
}

/// Rounds columns [begin, end) of one row and moves their errors on within the
/// block.
void roundRow(double *row, double *errors, int32_t *codes, const double *upper,
              int64_t n, int64_t begin, int64_t end, double scale, double top) {
  for (int64_t j = begin; j < end; ++j) {
    double code = std::clamp(std::nearbyint(row[j] / scale), -top, top);
    codes[j] = static_cast<int32_t>(code);
    const double *factor = upper + j * n;
    double error = (row[j] - code * scale) / factor[j];
    for (int64_t k = j; k < end; ++k)
      row[k] -= error * factor[k];
    errors[j - begin] = error;
  }
}

} // namespace

template <typename T>
std::vector<int32_t> gptq(const GptqProblem<T> &problem, const char *what) {
  oneBlasThreadEach();
  const int64_t rows = problem.rows, n = problem.columns;
  std::vector<double> diagonal(n);
  std::vector<bool> dead(n);
  for (int64_t j = 0; j < n; ++j) {
    diagonal[j] = problem.hessian[j * n + j];
    if (!std::isfinite(diagonal[j]))
      failInput("the Hessian of ", what, " is not finite at column ", j);
    dead[j] = diagonal[j] == 0;
    if (dead[j])
      diagonal[j] = 1;
  }
  double damping = problem.damp *
                   std::accumulate(diagonal.begin(), diagonal.end(), 0.0) /
                   static_cast<double>(n);
  for (double &value : diagonal)
    value += damping;

  std::vector<int64_t> order = orderOf(diagonal);
  std::vector<double> upper = inverseFactor(problem, order, diagonal, what);

  std::vector<double> work(rows * n);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < n; ++j)
      work[r * n + j] =
          dead[order[j]] ? 0.0 : problem.weights[r * n + order[j]];

  std::vector<int32_t> codes(rows * n);
  const int64_t block = std::max<int64_t>(1, std::min(problem.block, n));
  std::vector<double> errors(rows * block);
  for (int64_t begin = 0; begin < n; begin += block) {
    int64_t end = std::min(begin + block, n), width = end - begin;
    for (int64_t r = 0; r < rows; ++r)
      roundRow(&work[r * n], &errors[r * width], &codes[r * n], upper.data(), n,
               begin, end, problem.scales[r], static_cast<double>(problem.top));
    if (end < n)
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans,
                  static_cast<int>(rows), static_cast<int>(n - end),
                  static_cast<int>(width), -1.0, errors.data(),
                  static_cast<int>(width), &upper[begin * n + end],
                  static_cast<int>(n), 1.0, &work[end], static_cast<int>(n));
  }

  std::vector<int32_t> placed(rows * n);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < n; ++j)
      placed[r * n + order[j]] = codes[r * n + j];
  return placed;
}

template std::vector<int32_t> gptq(const GptqProblem<float> &, const char *);
template std::vector<int32_t> gptq(const GptqProblem<double> &, const char *);

} // namespace pgrt
