// Zeroing codes of ±1, the cheapest way to make an artifact a little smaller.
#pragma once

#include "runtime/artifact/Leaves.h"

namespace pgrt {

/// Zeroes the first `count` codes of ±1, those of the smallest scale first, in
/// storage order among equals. A code's scale is the float16 leaf of the same
/// parameter that broadcasts against the codes (trailing axes aligned); codes
/// without one stay. Returns how many were zeroed: fewer than `count` when no
/// more are there.
int64_t zeroOnes(std::vector<StoredLeaf> &leaves, int64_t count);

} // namespace pgrt
