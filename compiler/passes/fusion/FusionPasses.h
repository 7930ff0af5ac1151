// The passes that form kernels.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace pgc {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/passes/fusion/FusionPasses.h.inc"

} // namespace pgc
