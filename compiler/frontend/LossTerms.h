// The loss, and the terms whose sum it is.
#pragma once

#include "compiler/frontend/Evaluator.h"

namespace pgc {

struct Loss {
  mlir::Value value; // of shape []
  /// The addends of the returned sum, with their weights, named for what they
  /// call: "cross_entropy", "simctg".
  std::vector<std::pair<std::string, mlir::Value>> terms;
  /// Of each term, the call that names it, or else the whole addend.
  std::vector<const ast::Expr *> exprs;
};

/// Evaluates `loss`; the model has run. Nothing after an error.
std::optional<Loss> evaluateLoss(Evaluator &ev);

} // namespace pgc
