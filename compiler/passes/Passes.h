// The passes on models and optimizers, and what they share.
#pragma once

#include "dialects/pg/Pg.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"

namespace pgc {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/passes/Passes.h.inc"

/// What a function is for: `forward`, `train`, `score`, `update`, …; empty if
/// it does not say.
llvm::StringRef getRole(mlir::func::FuncOp function);

/// Whether the function computes the model on tokens: roles `train`, `score`,
/// `logits` and the like, not those that update or prepare.
bool runsModel(mlir::func::FuncOp function);

/// Patterns that replace composites by what they stand for.
void populateDecomposePatterns(mlir::RewritePatternSet &patterns);

/// Replaces one composite by what it stands for, and erases it.
void decompose(pg::DecomposableOp op);

/// Erases, from the last to the first, operations in the regions of `root` that
/// nothing needs.
void eraseDeadOperations(mlir::Operation *root);

/// Adds the backward pass to a forward function, as the pass `differentiate`
/// does. `seed` is the gradient of the loss; of a function of role `adapt` it
/// is divided by the number of sequences of the step.
llvm::LogicalResult differentiate(mlir::func::FuncOp function, double seed);

} // namespace pgc
