#include "runtime/artifact/Estimate.h"
#include "runtime/support/Interrupt.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

namespace pgrt {

double entropyBytes(std::string_view bytes, size_t stride) {
  double bits = 0;
  for (size_t lane = 0; lane < stride; ++lane) {
    std::array<int64_t, 256> counts = {};
    int64_t total = 0;
    for (size_t i = lane; i < bytes.size(); i += stride, ++total)
      ++counts[uint8_t(bytes[i])];
    for (int64_t count : counts)
      if (count)
        bits -= double(count) * std::log2(double(count) / double(total));
  }
  return bits / 8;
}

double leafEntropyBytes(const StoredLeaf &stored) {
  return entropyBytes(stored.bytes, size_t(stored.elementBytes()));
}

namespace {
struct Block {
  std::string_view bytes;
  bool wide = false; // elements of two bytes: every other byte is of one kind
  double entropy = 0;
  double density() const {
    return 8 * entropy / double(std::max<size_t>(1, bytes.size()));
  }
};
} // namespace

static std::vector<Block> describeBlocks(const PayloadParts &parts,
                                         const ParallelFor &parallel) {
  const int64_t wide =
      (int64_t(parts.wide.size()) + payloadBlockBytes - 1) / payloadBlockBytes;
  std::vector<Block> blocks(static_cast<size_t>(parts.blocks()));
  parallel(parts.blocks(), [&](int64_t i) {
    Block &block = blocks[size_t(i)];
    block.bytes = parts.block(i);
    block.wide = i < wide;
    block.entropy = entropyBytes(block.bytes, block.wide ? 2 : 1);
  });
  return blocks;
}

void SizeCurve::sample(const PayloadParts &parts, const PackSteps &steps,
                       const ParallelFor &parallel) {
  constexpr size_t most = 12;
  std::vector<Block> blocks = describeBlocks(parts, parallel), taken;
  std::sort(blocks.begin(), blocks.end(), [](const Block &a, const Block &b) {
    return std::make_tuple(!a.wide, a.density(), a.bytes.data()) <
           std::make_tuple(!b.wide, b.density(), b.bytes.data());
  });
  const size_t count = std::min(blocks.size(), most);
  for (size_t i = 0; i < count; ++i) // the first and the last among them
    taken.push_back(
        blocks[count > 1 ? i * (blocks.size() - 1) / (count - 1) : 0]);
  std::vector<double> packed(taken.size());
  parallel(int64_t(taken.size()), [&](int64_t i) {
    throwIfInterrupted();
    packed[size_t(i)] = double(steps.encode(taken[size_t(i)].bytes).size());
  });
  for (size_t i = 0; i < taken.size(); ++i)
    if (taken[i].entropy > 0)
      points.push_back(
          {taken[i].wide, taken[i].density(), packed[i] / taken[i].entropy});
}

// The mean of the points, weighted by the inverse square of their distance:
// close points count nearly alone, and nothing is extrapolated.
double SizeCurve::ratio(bool wide, double density) const {
  constexpr double blur = 0.02; // bits a byte
  double weights = 0, sum = 0;
  for (const Point &point : points) {
    double distance = point.density - density;
    double weight = 1 / (distance * distance + blur * blur);
    if (point.wide != wide)
      weight *= 1e-9; // if there are no others
    weights += weight;
    sum += weight * point.ratio;
  }
  return weights > 0 ? sum / weights : 1;
}

double SizeCurve::estimate(const PayloadParts &parts,
                           const ParallelFor &parallel) const {
  double sum = 0;
  for (const Block &block : describeBlocks(parts, parallel))
    sum += block.entropy * ratio(block.wide, block.density());
  return sum;
}

} // namespace pgrt
