// The assembler of CUDA's toolkit, if it is there.
#pragma once

#include "compiler/gpu/GpuCodegen.h"

namespace pgc {

/// Has `ptxas` assemble `code.ptx`; fills in the cubin, and adds to the
/// resources. Does
/// nothing if there is no ptxas on the path. Fails, with its message in
/// `error`, if ptxas refuses the text.
mlir::LogicalResult runPtxas(GpuCode &code, std::string &error);

} // namespace pgc
