#include "runtime/artifact/ArtifactFile.h"
#include "runtime/artifact/Codec.h"
#include "runtime/plan/Numerics.h"
#include "runtime/support/Checked.h"
#include "runtime/support/Error.h"
#include "runtime/support/MappedFile.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <cmath>

namespace pgrt {

static constexpr FrameKind artifactFrame = {
    {"PGZMODEL", 8},  artifactVersion,
    artifactMaxBytes, "artifact",
    "an artifact",    "read it with the pgrt that came with it"};

static constexpr size_t maxCodeBytes = 16 << 20, maxTableBytes = 16 << 20;

std::string frameArtifact(const artifact::Artifact &artifact) {
  std::string payload;
  {
    google::protobuf::io::StringOutputStream stream(&payload);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    if (artifact.ByteSizeLong() <= artifactMaxBytes)
      artifact.SerializeWithCachedSizes(&coded);
  }
  std::string file = frame(artifactFrame, payload);
  if (artifact.ByteSizeLong() > artifactMaxBytes || file.empty())
    failInput("the artifact would have ",
              readableBytes(double(artifact.ByteSizeLong())),
              ", more than any artifact may");
  return file;
}

ArtifactBytes countArtifact(const artifact::Artifact &artifact) {
  ArtifactBytes bytes;
  bytes.code = int64_t(artifact.code().size());
  bytes.weights =
      int64_t(frameHeaderBytes + artifact.ByteSizeLong()) - bytes.code;
  return bytes;
}

namespace {
[[noreturn]] void damaged(const char *what) {
  failInput("the artifact contradicts itself: ", what);
}

void checkArtifact(const artifact::Artifact &artifact,
                   const artifact::Table &table) {
  const std::string &model = artifact.model();
  if (model.empty() || model.find('/') != std::string::npos ||
      model.find('\0') != std::string::npos || model[0] == '.')
    damaged("its model's name is empty or a path");
  if (!isNumerics(artifact.numerics()))
    damaged("unknown numerics");
  if (table.vocab() < 1 || table.vocab() > 65536)
    damaged("an impossible vocabulary");
  if (artifact.block_bytes() < 2 || artifact.block_bytes() > 1 << 30 ||
      artifact.block_bytes() % 2)
    damaged("an impossible size of blocks");
  uint64_t size = uint64_t(artifact.block_bytes());
  if (table.bytes_wide() > artifactMaxBytes * 16 ||
      table.bytes_narrow() > artifactMaxBytes * 16 ||
      (table.bytes_wide() + size - 1) / size +
              (table.bytes_narrow() + size - 1) / size !=
          uint64_t(artifact.blocks_size()))
    damaged("the number of its blocks");
  for (int i = 0; i < artifact.codecs_size(); ++i)
    if (i > 0 || artifact.codecs(i).name() != "base3")
      makeCodec(artifact.codecs(i).name(), artifact.codecs(i).argument());
  if (table.leaves_size() > 0 && table.leaves(0).parameter().empty())
    damaged("a leaf of no parameter");
  for (const artifact::Leaf &leaf : table.leaves()) {
    int64_t elements;
    if (leaf.shape_size() > 8 || !checkedElements(leaf.shape(), elements))
      damaged("a leaf of an impossible shape");
  }
  for (const artifact::Claim &claim : artifact.claims())
    if (!std::isfinite(claim.nll()) || claim.nll() < 0 ||
        claim.tokens() > uint64_t(INT64_MAX) ||
        claim.bytes() > uint64_t(INT64_MAX))
      damaged("a claim of an impossible score");
}
} // namespace

std::unique_ptr<LoadedArtifact> loadArtifact(const std::string &path) {
  MappedFile file(path);
  auto loaded = std::make_unique<LoadedArtifact>();
  loaded->path = path;
  std::string_view payload;
  std::string problem =
      unframe(artifactFrame, file.bytes(), payload, &loaded->digest);
  if (!problem.empty())
    failInput("'", path, "': ", problem);
  google::protobuf::LogSilencer silencer; // what is wrong is said here
  if (!loaded->artifact.ParseFromArray(payload.data(), int(payload.size())))
    failInput("'", path,
              "': the file is damaged: its content is not an artifact message");
  loaded->bytes.code = int64_t(loaded->artifact.code().size());
  loaded->bytes.weights = int64_t(file.bytes().size()) - loaded->bytes.code;
  try {
    std::unique_ptr<Codec> brotli = makeBrotli(11);
    loaded->code = brotli->decode(loaded->artifact.code(), maxCodeBytes);
    if (!loaded->table.ParseFromString(
            brotli->decode(loaded->artifact.table(), maxTableBytes)))
      damaged("its table cannot be read");
    checkArtifact(loaded->artifact, loaded->table);
  } catch (const Error &error) {
    throw Error(error.code, cat("'", path, "': ", error.what()));
  }
  return loaded;
}

bool looksLikeArtifact(const std::string &path) {
  MappedFile file(path);
  return file.bytes().starts_with(artifactFrame.magic);
}

} // namespace pgrt
