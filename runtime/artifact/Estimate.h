// How many bytes leaves will take, without compressing them.
#pragma once

#include "runtime/artifact/Payload.h"

namespace pgrt {

/// Bytes that an ideal coder of independent symbols needs for these bytes:
/// −Σ n log2(n / N) / 8. `stride` streams are counted apart.
double entropyBytes(std::string_view bytes, size_t stride);

/// The same of one leaf as it is packed.
double leafEntropyBytes(const StoredLeaf &stored);

/// What the steps make of a sample of the blocks, over their entropy: by this,
/// entropies become estimates of packed sizes. Costs a few blocks' compression.
double measureRatio(const PayloadParts &parts, const PackSteps &steps,
                    const ParallelFor &parallel);

/// The sum of the blocks' entropies; times a ratio it estimates the payload.
double payloadEntropyBytes(const PayloadParts &parts,
                           const ParallelFor &parallel);

} // namespace pgrt
