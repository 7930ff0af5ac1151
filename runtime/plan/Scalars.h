// Step values: the plan's scalar expressions, worked out in double before each
// step.
#pragma once

#include "runtime/plan/plan.pb.h"

#include <optional>
#include <vector>

namespace pgrt {

/// Number of arguments; −1 for an operation that is not known.
int scalarArity(plan::ScalarExpr::Op op);

/// What the expressions are computed from.
struct ScalarInputs {
  int64_t step = 0;
  double progress = 0;
  int64_t sequences = 1; // of a step of test-time training
  std::optional<double> solved = std::nullopt; // nothing: as in the plan
  int64_t microBatch = 0;                      // its number in a part
};

/// The values of all expressions of a checked plan.
std::vector<double> evaluateScalars(const plan::Plan &plan,
                                    const ScalarInputs &inputs);

inline std::vector<double> evaluateScalars(const plan::Plan &plan, int64_t step,
                                           double progress) {
  return evaluateScalars(plan, {step, progress});
}

/// The value in the file of the constant that `solve` names, or none.
std::optional<double> solvedValue(const plan::Plan &plan);

} // namespace pgrt
