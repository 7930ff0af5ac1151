// From leaves to an artifact's blocks and back.
#pragma once

#include "runtime/artifact/Codec.h"
#include "runtime/artifact/Leaves.h"

#include <functional>

namespace pgrt {

/// Runs body(i) for each i in [0, count) on several threads; Device's
/// onHostThreads, say.
using ParallelFor =
    std::function<void(int64_t count, const std::function<void(int64_t)> &)>;

/// Blocks of so many bytes before compression. Fixed, so that the bytes do not
/// depend on the number of threads; small ones keep many threads busy and are
/// faster with Brotli 11, and cost nothing measurable in size.
inline constexpr int64_t payloadBlockBytes = 256 << 10;

/// The steps that a plan's `pack` names.
class PackSteps {
public:
  /// Throws Error for an unknown codec, and for base3 that is not the first.
  explicit PackSteps(const plan::Pack &pack);
  explicit PackSteps(const artifact::Artifact &artifact);

  bool base3() const { return withBase3; }
  std::string encode(std::string_view block) const;
  std::string decode(std::string_view block, size_t limit) const;

private:
  void add(const std::string &name, int64_t argument, bool first);

  bool withBase3 = false;
  std::vector<std::unique_ptr<Codec>> codecs;
};

/// The bytes of all leaves before compression: elements of two bytes, then of
/// one byte or less. Each part is cut in blocks by itself.
struct PayloadParts {
  std::string wide, narrow;

  int64_t blocks() const;
  std::string_view block(int64_t index) const;
};
PayloadParts joinLeaves(const std::vector<StoredLeaf> &leaves, bool base3);

/// Puts the parts into the artifact: blocks, block size and the sizes in
/// `table`. `done(blocks, all)` is called now and then, from any thread.
/// Throws Stopped when interrupted.
void packBlocks(artifact::Artifact &artifact, artifact::Table &table,
                const PayloadParts &parts, const PackSteps &steps,
                const ParallelFor &parallel,
                const std::function<void(int64_t, int64_t)> &done);

/// The reverse: fills the bytes of `leaves`, which describeLeaves gave. Throws
/// Error for anything that is not whole.
void unpackLeaves(std::vector<StoredLeaf> &leaves,
                  const artifact::Artifact &artifact,
                  const artifact::Table &table, const ParallelFor &parallel);

} // namespace pgrt
