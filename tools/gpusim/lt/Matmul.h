// A product on the host, as cublasLtMatmul computes it.
#pragma once

#include "tools/gpusim/lt/Abi.h"

#include <string>

namespace gpusim {

struct Matmul {
  MatmulDescriptor how;
  MatrixLayout a, b, c, d;
  uint64_t atA, atB, atC, atD; ///< device addresses
  double alpha, beta;
  uint64_t alphaAt, betaAt; ///< device addresses, if the pointers are
};
/// What is not supported, or does not fit; empty if nothing.
std::string checkMatmul(const Matmul &matmul);
/// In float32, in a fixed order; throws Fault for addresses.
void runMatmul(const Matmul &matmul);

} // namespace gpusim
