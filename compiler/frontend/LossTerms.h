// The loss, and the terms whose sum it is.
#pragma once

#include "compiler/frontend/Evaluator.h"

namespace pgc {

struct Loss {
  mlir::Value value; // of shape []
  /// The addends of the returned sum, with their weights, named for what they
  /// call: "cross_entropy", "simctg".
  std::vector<std::pair<std::string, mlir::Value>> terms;
  std::vector<SourceRange> places; // of the terms
};

/// Evaluates `loss`; the model has run. Nothing after an error.
std::optional<Loss> evaluateLoss(Evaluator &ev);

} // namespace pgc
