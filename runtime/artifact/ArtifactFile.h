// An artifact in its file: message Artifact of artifact.proto in the frame of
// support/Frame.h, magic "PGZMODEL".
#pragma once

#include "runtime/artifact/artifact.pb.h"
#include "runtime/support/Frame.h"

#include <cstdint>
#include <memory>
#include <string>

namespace pgrt {

inline constexpr uint32_t artifactVersion = 1;
inline constexpr uint64_t artifactMaxBytes = uint64_t(1) << 30;

/// A file's bytes as the rules count them.
struct ArtifactBytes {
  int64_t code = 0, weights = 0; ///< together the size of the file
  int64_t total() const { return code + weights; }
};

/// The bytes of an artifact's file: equal messages give equal bytes. Throws
/// Error if the message is larger than artifactMaxBytes.
std::string frameArtifact(const artifact::Artifact &artifact);

/// The size that frameArtifact would give.
ArtifactBytes countArtifact(const artifact::Artifact &artifact);

struct LoadedArtifact {
  std::string path;
  artifact::Artifact artifact;
  artifact::Table table;
  std::string code; ///< the flattened .pgm
  ArtifactBytes bytes;
  Digest digest; ///< of the payload
};

/// Reads, unframes and checks all that can be checked without a plan. Throws
/// Error that names the file.
std::unique_ptr<LoadedArtifact> loadArtifact(const std::string &path);

/// True if `path` starts as an artifact does.
bool looksLikeArtifact(const std::string &path);

} // namespace pgrt
