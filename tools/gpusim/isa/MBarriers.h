// mbarrier objects, for the instructions that use them.
#pragma once

#include "tools/gpusim/isa/Values.h"

namespace gpusim {

/// The object at that address; a fault if none was initialised there, or its
/// initialisation is not ordered before. `async`: for the asynchronous proxy.
MBarrier &mbarrierAt(Warp &warp, int lane, uint64_t address, Space space,
                     SharedPlace &place, bool async = false);
void arrive(Warp &warp, int lane, MBarrier &barrier, const SharedPlace &place,
            uint32_t count);
/// Transactions of a copy that is complete.
void completeBytes(MBarrier &barrier, const SharedPlace &place, int64_t bytes);
/// The agent under which copies that complete on it are remembered.
uint32_t mbarrierAgent(Cluster &cluster, const SharedPlace &place);

} // namespace gpusim
