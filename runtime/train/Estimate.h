// What a run will take: memory from the plan, time from FLOPs and from the
// first micro-batch.
#pragma once

#include "runtime/plan/plan.pb.h"
#include "runtime/train/Budget.h"

#include <string>

namespace pgrt {

/// "35,944,536 parameters"
std::string parameterLine(const plan::Plan &plan);
int64_t parameterCount(const plan::Plan &plan);

/// A table: each arena, its size, its instances, the stages that need it, with
/// how much of it they touch if that is not all; scratch of so many threads;
/// what each stage touches in sum, which is what becomes resident. Memory that
/// is not needed again is given back between stages.
std::string memoryTable(const plan::Plan &plan, int threads);

/// Useful FLOPs of one step in a phase.
double stepFlops(const plan::Plan &plan, const plan::Program &train);

/// What training takes if a step takes so long, in one line; where that is
/// long, and `advise`, also what to set instead.
std::string trainingEstimate(const plan::Training &training,
                             const Budget &budget, double stepSeconds,
                             const char *basis, bool advise);

} // namespace pgrt
