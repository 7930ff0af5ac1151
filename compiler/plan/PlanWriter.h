// Writes a scheduled module into a plan.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "runtime/plan/plan.pb.h"
#include "llvm/ADT/StringMap.h"

namespace pgc {

/// Instances of the arena of gradients that a step of so many parts needs: a
/// balanced binary tree over n parts holds so many at once.
int64_t countGradients(int64_t parts);

/// Adds everything that the module says to `plan`: arenas, parameters, states,
/// constants, kernels, programs, and the conditions of switches. The module has
/// passed `verify-schedule`. Of the plan, `training` must be filled in with
/// `parts`, and the names of the switches; code is added by the caller.
///
/// Programs that are equal become one. `programs` gets the index of each by the
/// name of its function.
mlir::LogicalResult addToPlan(mlir::ModuleOp module, pgrt::plan::Plan &plan,
                              llvm::StringMap<uint32_t> &programs);

} // namespace pgc
