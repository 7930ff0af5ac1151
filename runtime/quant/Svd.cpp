#include "runtime/quant/Svd.h"

#include "runtime/support/Error.h"

#include <lapacke.h>

#include <algorithm>
#include <cmath>

namespace pgrt {

Svd singularValues(std::span<const double> matrix, int64_t rows,
                   int64_t columns, int64_t rank, const char *what) {
  for (double value : matrix)
    if (!std::isfinite(value))
      failInput("the matrix of the singular values of ", what,
                " is not finite");
  const int64_t all = std::min(rows, columns);
  std::vector<double> work(matrix.begin(), matrix.end()), u(rows * all), s(all),
      v(all * columns);
  int status = LAPACKE_dgesdd(
      LAPACK_ROW_MAJOR, 'S', static_cast<int>(rows), static_cast<int>(columns),
      work.data(), static_cast<int>(columns), s.data(), u.data(),
      static_cast<int>(all), v.data(), static_cast<int>(columns));
  if (status != 0)
    failInput("the singular values of ", what, " cannot be computed");
  Svd svd;
  svd.u.resize(rows * rank);
  svd.s.assign(s.begin(), s.begin() + rank);
  svd.v.assign(v.begin(), v.begin() + rank * columns);
  for (int64_t k = 0; k < rank; ++k) {
    int64_t largest = 0;
    for (int64_t i = 1; i < rows; ++i)
      if (std::fabs(u[i * all + k]) > std::fabs(u[largest * all + k]))
        largest = i;
    double sign = u[largest * all + k] < 0 ? -1 : 1;
    for (int64_t i = 0; i < rows; ++i)
      svd.u[i * rank + k] = sign * u[i * all + k];
    for (int64_t j = 0; j < columns; ++j)
      svd.v[k * columns + j] *= sign;
  }
  return svd;
}

} // namespace pgrt
