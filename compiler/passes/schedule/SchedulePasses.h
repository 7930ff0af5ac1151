// The passes from tensors to a schedule over memory.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace pgc {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/passes/schedule/SchedulePasses.h.inc"

} // namespace pgc
