// Complete checks of a plan's message, before anything of it is used: after
// them the executor runs without bounds checks.
#pragma once

#include "runtime/plan/plan.pb.h"

#include <set>
#include <string>
#include <vector>

namespace pgrt {

/// Throws Error (Input) with the first thing that is wrong: indices, sizes,
/// overlaps, arities, missing programs. Does not look into the machine code:
/// see device/cpu/CodeObject.h.
void checkPlan(const plan::Plan &plan);

/// The target's name in the code of a GPU plan.
inline constexpr const char *gpuTargetName = "sm_90a";
/// Whether the plan is for a GPU: its code says so.
bool isGpuPlan(const plan::Plan &plan);
/// The plan for a GPU that a plan is or holds; null if there is none.
const plan::Plan *findGpuPlan(const plan::Plan &plan);

/// Bytes of one element.
int64_t typeBytes(plan::Type type);
const char *typeName(plan::Type type);

/// Bytes of all arenas with their instances.
int64_t arenaBytes(const plan::Plan &plan);

/// Useful FLOPs of one run of a program: what the plan states, or else the sum
/// of its kernels.
double programFlops(const plan::Plan &plan, const plan::Program &program);

/// How many instances of the gradient arena a step of so many parts needs
/// (train/GradientTree.h).
int64_t gradientInstances(int64_t parts);

/// Whether so many ranks can share a step of so many parts: each rank's block
/// must be a subtree of GradientTree's, so that the sum over ranks is the same
/// tree whatever their number.
bool ranksCanShare(int64_t parts, int64_t ranks);

/// What the plan's code is for: "cpu", "cuda", or "" if it has none and any
/// device can run it.
std::string deviceOf(const plan::Plan &plan);

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

/// Whether a program may find in the arena what others left there: all but
/// temporaries and what passes between a program and the runtime.
bool keepsContents(const plan::Plan &plan, int arena);

/// The stages of a run that a program of that role belongs to: "train",
/// "quantize", "evaluate"; none for a role of every stage.
std::string stageOfRole(const std::string &role);

/// Whether the plan holds the programs of an evaluation: its compiler makes
/// none for documents.
bool evaluationHasPrograms(const plan::Plan &plan,
                           const plan::Evaluation &evaluation);

/// The arena that holds the gradients, and its alias for `combine`; −1 if there
/// is none.
int gradientArena(const plan::Plan &plan);
int otherGradientArena(const plan::Plan &plan);

} // namespace pgrt
