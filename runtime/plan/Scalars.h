// Step values: the plan's scalar expressions, worked out in double before each
// step.
#pragma once

#include "runtime/plan/plan.pb.h"

#include <vector>

namespace pgrt {

/// Number of arguments; −1 for an operation that is not known.
int scalarArity(plan::ScalarExpr::Op op);

/// The values of all expressions of a checked plan.
std::vector<double> evaluateScalars(const plan::Plan &plan, int64_t step,
                                    double progress);

} // namespace pgrt
