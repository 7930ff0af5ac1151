#include "runtime/artifact/ArtifactFile.h"
#include "runtime/cli/Commands.h"
#include "runtime/eval/Score.h"
#include "runtime/plan/plan.pb.h"
#include "runtime/support/Json.h"
#include "runtime/support/Text.h"

#include <cstdio>

namespace pgrt {

static Score scoreOf(const artifact::Claim &claim) {
  Score score;
  score.nll = claim.nll();
  score.tokens = int64_t(claim.tokens());
  score.bytes = int64_t(claim.bytes());
  return score;
}

static std::string storedAs(const artifact::Leaf &leaf) {
  return leaf.kind() == plan::Leaf::F16
             ? "f16"
             : cat("codes ", leaf.lo(), " … ", leaf.hi());
}

static void printJson(const LoadedArtifact &loaded) {
  const artifact::Artifact &artifact = loaded.artifact;
  JsonWriter json;
  json.beginObject()
      .field("model", artifact.model())
      .field("producer", artifact.producer())
      .field("numerics", artifact.numerics())
      .field("vocab", int64_t(loaded.table.vocab()))
      .field("hash", toHex(loaded.digest))
      .field("bytes_weights", loaded.bytes.weights)
      .field("bytes_code", loaded.bytes.code)
      .field("bytes_total", loaded.bytes.total())
      .field("cap", int64_t(artifact.cap()));
  if (!artifact.solved().empty())
    json.key("solved")
        .beginObject()
        .field("constant", artifact.solved())
        .field("value", artifact.solved_value())
        .endObject();
  json.key("codecs").beginArray();
  for (const artifact::Codec &codec : artifact.codecs())
    json.beginObject()
        .field("name", codec.name())
        .field("argument", int64_t(codec.argument()))
        .endObject();
  json.endArray().key("claims").beginArray();
  for (const artifact::Claim &claim : artifact.claims())
    json.beginObject()
        .field("kind", claim.kind())
        .field("seq", uint64_t(claim.seq()))
        .field("stride", uint64_t(claim.stride()))
        .field("nll", claim.nll())
        .field("tokens", uint64_t(claim.tokens()))
        .field("bytes", uint64_t(claim.bytes()))
        .field("bpb", scoreOf(claim).bitsPerByte())
        .endObject();
  json.endArray().key("leaves").beginArray();
  std::string parameter;
  for (const artifact::Leaf &leaf : loaded.table.leaves()) {
    if (!leaf.parameter().empty())
      parameter = leaf.parameter();
    json.beginObject()
        .field("parameter", parameter)
        .field("stored", storedAs(leaf))
        .key("shape")
        .beginArray();
    for (int64_t size : leaf.shape())
      json.value(size);
    json.endArray().endObject();
  }
  json.endArray().endObject();
  std::printf("%s\n", json.text().c_str());
}

static void printText(const LoadedArtifact &loaded) {
  const artifact::Artifact &artifact = loaded.artifact;
  std::printf("%s, %s, by %s\nhash %s\n", artifact.model().c_str(),
              artifact.numerics().c_str(), artifact.producer().c_str(),
              toHex(loaded.digest).c_str());
  std::printf("%s bytes: code %s, weights %s; cap %s\n",
              withThousands(loaded.bytes.total()).c_str(),
              withThousands(loaded.bytes.code).c_str(),
              withThousands(loaded.bytes.weights).c_str(),
              artifact.cap() ? withThousands(artifact.cap()).c_str() : "none");
  if (!artifact.solved().empty())
    std::printf("%s was raised to %.6g so that it fits\n",
                artifact.solved().c_str(), artifact.solved_value());
  for (const artifact::Codec &codec : artifact.codecs())
    std::printf("packed by %s(%lld)\n", codec.name().c_str(),
                (long long)codec.argument());
  for (const artifact::Claim &claim : artifact.claims())
    std::printf("claims %s: %.9f bits per byte, %s tokens, %s bytes\n",
                claim.kind().c_str(), scoreOf(claim).bitsPerByte(),
                withThousands(int64_t(claim.tokens())).c_str(),
                withThousands(int64_t(claim.bytes())).c_str());
  std::printf("\nstored\n");
  for (const artifact::Leaf &leaf : loaded.table.leaves()) {
    std::string shape;
    for (int64_t size : leaf.shape())
      shape += cat(shape.empty() ? "" : ", ", size);
    std::printf("  %-40s %-18s [%s]\n", leaf.parameter().c_str(),
                storedAs(leaf).c_str(), shape.c_str());
  }
}

int inspectArtifact(const std::string &path, bool asJson) {
  std::unique_ptr<LoadedArtifact> loaded = loadArtifact(path);
  if (asJson)
    printJson(*loaded);
  else
    printText(*loaded);
  return 0;
}

} // namespace pgrt
