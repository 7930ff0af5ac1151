// The table of a launch that adds what lies apart.
#pragma once

#include <cstdint>

namespace pgrt {

/// A row says of one sum its first block, its length, where it goes, and the
/// places that are added.
constexpr int64_t sumRowWords(int64_t places) { return 3 + places; }

/// Sums over so many places that one launch can make: its table is a parameter,
/// and drivers take 4,096 bytes of these. A last word tells the table's end. 0:
/// too many places.
constexpr int64_t sumsOfLaunch(int64_t places) {
  return (4096 / int64_t(sizeof(uint64_t)) - 1) / sumRowWords(places);
}

} // namespace pgrt
