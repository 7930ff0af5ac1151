// Predicted times as text and as JSON.
#pragma once

#include "runtime/predict/StepTime.h"
#include "runtime/support/Json.h"

namespace pgrt {

/// Tables for people: each phase's step, each program by kinds of kernels, the
/// kernels that take most of a step, and the rates with their sources.
std::string timeTables(const plan::Plan &plan, const PlanTime &times);

/// The same, and every kernel, as one JSON object.
void writeTimes(JsonWriter &json, const plan::Plan &plan,
                const PlanTime &times);

} // namespace pgrt
