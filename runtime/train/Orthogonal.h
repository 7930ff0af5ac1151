// Orthogonal initial weights by Householder QR.
#pragma once

#include "runtime/support/Philox.h"

#include <cstdint>

namespace pgrt {

/// Fills `out` [rows, cols] (row-major) with scale × a matrix whose rows (rows
/// ≤ cols) or columns (rows > cols) are orthonormal, uniformly distributed. A
/// wide matrix of standard normals is drawn (element i of `stream` is its
/// element i), its transpose decomposed as QR, with the signs that make R's
/// diagonal positive (Mezzadri, "How to generate random matrices from the
/// classical compact groups", 2007); the result is Qᵀ, or Q where rows > cols.
/// One thread; may be called from several at once.
void fillOrthogonal(const PhiloxStream &stream, int64_t rows, int64_t cols,
                    double scale, float *out);

} // namespace pgrt
