// The gradients of all ranks, added.
#pragma once

#include "runtime/collective/Collective.h"
#include "runtime/executor/Executor.h"

namespace pgrt {

/// Throws Error (Usage) unless so many ranks can share a step of so many parts
/// (ranksCanShare). The message says which numbers can.
void checkRanks(int64_t parts, int ranks);

/// Each rank's sum lies in instance `own` of the gradients; the sum over ranks,
/// by the same tree, is left in an instance, which is returned, and bound. In
/// log2(ranks) rounds pairs of ranks exchange what they have, and both add the
/// later to the earlier.
int sumOverRanks(Executor &executor, Collective &ranks, int own,
                 const std::vector<double> &scalars);

} // namespace pgrt
