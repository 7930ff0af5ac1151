// OpenBLAS runs on the thread that calls it: matrices are what runs in
// parallel, and results do not depend on the machine's number of cores.
#pragma once

#include <mutex>

extern "C" void openblas_set_num_threads(int threads);

namespace pgrt {

/// To be called before BLAS or LAPACK. Cheap after the first time.
inline void oneBlasThreadEach() {
  static std::once_flag once;
  std::call_once(once, [] { openblas_set_num_threads(1); });
}

} // namespace pgrt
