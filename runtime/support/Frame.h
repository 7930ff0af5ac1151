// The frame around a message in a file:
//   8 bytes  magic
//   u32      version, little-endian
//   u32      0
//   u64      size of the payload, little-endian
//   32 bytes SHA-256 of the payload
//   payload
// Nothing follows. Every byte of a file is covered: by a check of its own or by
// the hash. Throws nothing.
#pragma once

#include "runtime/support/Sha256.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace pgrt {

inline constexpr size_t frameHeaderBytes = 56;

/// What a file holds, for the checks and for their messages.
struct FrameKind {
  std::string_view magic; ///< 8 bytes
  uint32_t version;
  uint64_t maxBytes;     ///< of the payload
  const char *noun;      ///< "plan"
  const char *named;     ///< "a plan"
  const char *otherwise; ///< what to do about another version
};

/// The bytes of a file; empty if the payload is larger than `kind` allows.
std::string frame(const FrameKind &kind, std::string_view payload);

/// Finds the payload within `file` and checks all around it. Returns an empty
/// string on success, otherwise what is wrong. `digest`, if given, gets the
/// payload's.
std::string unframe(const FrameKind &kind, std::string_view file,
                    std::string_view &payload, Digest *digest = nullptr);

} // namespace pgrt
