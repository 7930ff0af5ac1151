// Leaves: what a quantiser stores of a parameter, on its way between the
// executor's floats and an artifact's bytes.
#pragma once

#include "runtime/artifact/artifact.pb.h"
#include "runtime/executor/Executor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pgrt {

/// One leaf on the host.
struct StoredLeaf {
  const plan::Leaf *leaf = nullptr;
  int quantizer = 0; ///< index of Quantization.quantizers
  int64_t elements = 0;
  /// Little-endian: int8 for codes within −128 … 127, int16 for other codes,
  /// binary16 for F16.
  std::string bytes;

  int64_t elementBytes() const {
    return leaf->kind() == plan::Leaf::CODES && leaf->lo() >= -128 &&
                   leaf->hi() <= 127
               ? 1
               : 2;
  }
};

/// The plan's leaves, without bytes, in the order of its quantisers.
std::vector<StoredLeaf> describeLeaves(const plan::Plan &plan);

/// What program "quantize" left in the leaves' slots. Throws Error, naming the
/// parameter and the element, for a code that is not a whole number in lo … hi
/// and for a value that float16 does not hold exactly.
std::vector<StoredLeaf> readLeaves(const Executor &executor);

/// Puts them where program "decode" reads them.
void writeLeaves(const Executor &executor,
                 const std::vector<StoredLeaf> &leaves);

/// The table that an artifact of this plan has; sizes of the parts are not set.
artifact::Table makeTable(const plan::Plan &plan);

/// Throws Error if the table is not what the plan says, naming the first
/// difference.
void checkTable(const plan::Plan &plan, const artifact::Table &table);

} // namespace pgrt
