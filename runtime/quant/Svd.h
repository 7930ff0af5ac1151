// The largest singular values of a matrix.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pgrt {

/// matrix ≈ (u · s) v, of the `rank` largest singular values, falling. Columns
/// of u and rows of v are orthonormal. Of each pair the sign is such that the
/// element of u's column with the largest magnitude, the first of equals, is
/// positive.
struct Svd {
  std::vector<double> u; ///< [rows, rank], row-major
  std::vector<double> s; ///< [rank]
  std::vector<double> v; ///< [rank, columns]
};

/// Computed in float64 by LAPACK, on the calling thread alone. `rank` is 1 …
/// min(rows, columns). Throws Error (naming `what`) for a matrix [rows,
/// columns] that is not finite, and where the iteration does not converge.
Svd singularValues(std::span<const double> matrix, int64_t rows,
                   int64_t columns, int64_t rank, const char *what);

} // namespace pgrt
