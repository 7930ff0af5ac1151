// What the code of kernels uses, as its texts tell.
#pragma once

#include "compiler/gpu/GpuCodegen.h"

namespace pgc {

/// What the PTX itself says of each of its kernels.
std::vector<GpuResources> readPtx(llvm::StringRef ptx);

/// Adds what `ptxas -v` says of each kernel.
void addPtxasLog(llvm::StringRef log, std::vector<GpuResources> &resources);

} // namespace pgc
