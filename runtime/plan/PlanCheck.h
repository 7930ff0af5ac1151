// Complete checks of a plan's message, before anything of it is used: after
// them the executor runs without bounds checks.
#pragma once

#include "runtime/plan/plan.pb.h"

#include <string>
#include <vector>

namespace pgrt {

/// Throws Error (Input) with the first thing that is wrong: indices, sizes,
/// overlaps, arities, missing programs. Does not look into the machine code:
/// see device/cpu/CodeObject.h.
void checkPlan(const plan::Plan &plan);

/// Bytes of one element.
int64_t typeBytes(plan::Type type);
const char *typeName(plan::Type type);

/// How many instances of the gradient arena a step of so many parts needs
/// (train/GradientTree.h).
int64_t gradientInstances(int64_t parts);

/// The name of a phase from its switches: "plain", or the names that are on
/// joined by '+'.
std::string phaseName(const plan::Training &training,
                      const std::vector<bool> &on);

/// The program of that role that serves `phase` (any, for roles without
/// phases); null if there is none.
const plan::Program *findProgram(const plan::Plan &plan,
                                 const std::string &role,
                                 const std::string &phase = "");

/// The port of that name; null if there is none.
const plan::Port *
findPort(const google::protobuf::RepeatedPtrField<plan::Port> &ports,
         const std::string &name);

/// The arena that holds the gradients, and its alias for `combine`; −1 if there
/// is none.
int gradientArena(const plan::Plan &plan);
int otherGradientArena(const plan::Plan &plan);

} // namespace pgrt
