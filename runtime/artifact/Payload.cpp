#include "runtime/artifact/Payload.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"

#include <algorithm>
#include <atomic>

namespace pgrt {

PackSteps::PackSteps(const plan::Pack &pack) {
  for (int i = 0; i < pack.codecs_size(); ++i)
    add(pack.codecs(i).name(), pack.codecs(i).argument(), i == 0);
}

PackSteps::PackSteps(const artifact::Artifact &artifact) {
  for (int i = 0; i < artifact.codecs_size(); ++i)
    add(artifact.codecs(i).name(), artifact.codecs(i).argument(), i == 0);
}

void PackSteps::add(const std::string &name, int64_t argument, bool first) {
  if (name != "base3") {
    codecs.push_back(makeCodec(name, argument));
    return;
  }
  if (!first)
    failInput("pack: base3() acts on codes, so it must come before all others");
  withBase3 = true;
}

std::string PackSteps::encode(std::string_view block) const {
  std::string bytes(block);
  for (const auto &codec : codecs)
    bytes = codec->encode(bytes);
  return bytes;
}

// What a step made may be a little larger than what it took.
std::string PackSteps::decode(std::string_view block, size_t limit) const {
  std::string bytes(block);
  for (size_t i = codecs.size(); i-- > 0;)
    bytes = codecs[i]->decode(bytes, i == 0 ? limit : limit + limit / 8 + 4096);
  return bytes;
}

static int64_t blocksOf(const std::string &part) {
  return (int64_t(part.size()) + payloadBlockBytes - 1) / payloadBlockBytes;
}

int64_t PayloadParts::blocks() const {
  return blocksOf(wide) + blocksOf(narrow);
}

std::string_view PayloadParts::block(int64_t index) const {
  bool inWide = index < blocksOf(wide);
  std::string_view part = inWide ? wide : narrow;
  int64_t begin = (inWide ? index : index - blocksOf(wide)) * payloadBlockBytes;
  return part.substr(size_t(begin), size_t(payloadBlockBytes));
}

static bool isTrits(const StoredLeaf &stored) {
  return stored.leaf->kind() == plan::Leaf::CODES && stored.leaf->lo() >= -1 &&
         stored.leaf->hi() <= 1;
}

PayloadParts joinLeaves(const std::vector<StoredLeaf> &leaves, bool base3) {
  PayloadParts parts;
  for (const StoredLeaf &stored : leaves)
    if (stored.elementBytes() == 2)
      parts.wide += stored.bytes;
    else
      parts.narrow +=
          base3 && isTrits(stored) ? encodeBase3(stored.bytes) : stored.bytes;
  return parts;
}

void packBlocks(artifact::Artifact &artifact, artifact::Table &table,
                const PayloadParts &parts, const PackSteps &steps,
                const ParallelFor &parallel,
                const std::function<void(int64_t, int64_t)> &done) {
  int64_t count = parts.blocks();
  std::vector<std::string> blocks(static_cast<size_t>(count));
  std::atomic<int64_t> finished = 0;
  parallel(count, [&](int64_t i) {
    throwIfInterrupted();
    blocks[size_t(i)] = steps.encode(parts.block(i));
    if (done)
      done(finished.fetch_add(1) + 1, count);
  });
  artifact.clear_blocks();
  artifact.set_block_bytes(payloadBlockBytes);
  for (std::string &block : blocks)
    artifact.add_blocks(std::move(block));
  table.set_bytes_wide(parts.wide.size());
  table.set_bytes_narrow(parts.narrow.size());
}

namespace {
/// Cuts the leaves' bytes off a part, one after the other.
class Cutter {
public:
  explicit Cutter(std::string_view rest) : rest(rest) {}

  std::string_view take(size_t size) {
    if (size > rest.size())
      failInput("the packed weights are damaged: they end too early");
    std::string_view piece = rest.substr(0, size);
    rest.remove_prefix(size);
    return piece;
  }
  std::string_view takeTrits(size_t count) {
    return take(base3Size(rest, count));
  }
  void finish() const {
    if (!rest.empty())
      failInput("the packed weights are damaged: ", rest.size(),
                " bytes too many");
  }

private:
  std::string_view rest;
};
} // namespace

void unpackLeaves(std::vector<StoredLeaf> &leaves,
                  const artifact::Artifact &artifact,
                  const artifact::Table &table, const ParallelFor &parallel) {
  // Nothing is allocated for sizes that the leaves do not bear out.
  uint64_t wideBytes = 0, narrowBytes = 0;
  for (const StoredLeaf &stored : leaves)
    (stored.elementBytes() == 2 ? wideBytes : narrowBytes) +=
        uint64_t(stored.elements * stored.elementBytes()) +
        1; // trits have a byte more
  if (table.bytes_wide() > wideBytes || table.bytes_narrow() > narrowBytes)
    failInput("the packed weights are damaged: more bytes than the model has");
  const PackSteps steps(artifact);
  const uint64_t size = uint64_t(artifact.block_bytes());
  const uint64_t wideBlocks = (table.bytes_wide() + size - 1) / size;
  if (wideBlocks + (table.bytes_narrow() + size - 1) / size !=
      uint64_t(artifact.blocks_size()))
    failInput("the packed weights are damaged: a block is missing, or one too "
              "many");
  std::string wide(table.bytes_wide(), '\0'),
      narrow(table.bytes_narrow(), '\0');
  parallel(artifact.blocks_size(), [&](int64_t i) {
    bool inWide = uint64_t(i) < wideBlocks;
    std::string &part = inWide ? wide : narrow;
    uint64_t begin = (inWide ? uint64_t(i) : uint64_t(i) - wideBlocks) * size,
             bytes = std::min(size, part.size() - begin);
    std::string block = steps.decode(artifact.blocks(int(i)), bytes);
    if (block.size() != bytes)
      failInput("the packed weights are damaged: block ", i, " has ",
                block.size(), " bytes, not ", bytes);
    std::copy(block.begin(), block.end(), part.begin() + int64_t(begin));
  });
  Cutter fromWide(wide), fromNarrow(narrow);
  for (StoredLeaf &stored : leaves) {
    if (stored.elementBytes() == 2)
      stored.bytes = fromWide.take(size_t(stored.elements) * 2);
    else if (steps.base3() && isTrits(stored))
      stored.bytes = decodeBase3(fromNarrow.takeTrits(size_t(stored.elements)),
                                 size_t(stored.elements));
    else
      stored.bytes = fromNarrow.take(size_t(stored.elements));
  }
  fromWide.finish();
  fromNarrow.finish();
}

} // namespace pgrt
