// Ranks that are threads of one process: the devices of a machine, and tests.
#pragma once

#include "runtime/collective/Collective.h"

#include <functional>
#include <memory>

namespace pgrt {

/// Calls body(collective) on a thread for each of `ranks` ranks and waits for
/// all. If one throws, the others' exchanges throw LostRank; the first
/// exception is thrown on.
void runOnThreads(int ranks, const std::function<void(Collective &)> &body);

} // namespace pgrt
