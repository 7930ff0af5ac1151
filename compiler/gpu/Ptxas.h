// The assembler of CUDA's toolkit, if it is there.
#pragma once

#include "compiler/gpu/GpuCodegen.h"

namespace pgc {

/// Has `ptxas` assemble `code.ptx`; fills in the cubin and the resources. Does
/// nothing if there is no ptxas on the path. Fails, with its message in
/// `error`, if ptxas refuses the text.
mlir::LogicalResult runPtxas(GpuCode &code, std::string &error);

/// Reads what `ptxas -v` says of each kernel.
std::vector<GpuResources> parsePtxasLog(llvm::StringRef log);

} // namespace pgc
