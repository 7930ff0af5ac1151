// The passes that stand between fusion and code.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace pgc {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/pgc/Passes.h.inc"

} // namespace pgc
