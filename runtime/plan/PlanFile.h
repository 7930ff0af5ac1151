// A plan in its file: message Plan of plan.proto in the frame of
// support/Frame.h, magic "PGPLAN\r\n". Shared by pgc, which writes it, and
// pgrt, which reads it; throws nothing.
#pragma once

#include "runtime/plan/plan.pb.h"
#include "runtime/support/Frame.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace pgrt {

inline constexpr uint32_t planVersion = 1;
inline constexpr size_t planHeaderBytes = frameHeaderBytes;
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
