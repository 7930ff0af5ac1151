// The frame around a plan in its file:
//   8 bytes  "PGPLAN\r\n"
//   u32      version, little-endian
//   u32      0
//   u64      size of the payload, little-endian
//   32 bytes SHA-256 of the payload
//   payload  message Plan of plan.proto
// Nothing follows. Shared by pgc, which writes it, and pgrt, which reads it;
// throws nothing.
#pragma once

#include "runtime/plan/plan.pb.h"
#include "runtime/support/Sha256.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace pgrt {

inline constexpr uint32_t planVersion = 1;
inline constexpr size_t planHeaderBytes = 56;
inline constexpr uint64_t planMaxBytes = uint64_t(1) << 30;

/// The bytes of a plan file: the same message gives the same bytes. Empty if
/// the message is larger than planMaxBytes.
std::string framePlan(const plan::Plan &plan);

/// Takes the frame off and parses the payload into `plan`. Returns an empty
/// string on success, otherwise what is wrong with the file. Nothing in the
/// message is checked here: see PlanCheck.h. `digest`, if given, gets the
/// payload's.
std::string unframePlan(std::string_view file, plan::Plan &plan,
                        Digest *digest = nullptr);

} // namespace pgrt
