#include "runtime/artifact/Estimate.h"
#include "runtime/support/Interrupt.h"

#include <algorithm>
#include <array>
#include <cmath>

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

// Elements of two bytes have a byte of either kind every other time.
static double blockEntropy(const PayloadParts &parts, int64_t index) {
  int64_t wideBlocks =
      (int64_t(parts.wide.size()) + payloadBlockBytes - 1) / payloadBlockBytes;
  return entropyBytes(parts.block(index), index < wideBlocks ? 2 : 1);
}

double payloadEntropyBytes(const PayloadParts &parts,
                           const ParallelFor &parallel) {
  std::vector<double> bytes(static_cast<size_t>(parts.blocks()));
  parallel(parts.blocks(),
           [&](int64_t i) { bytes[size_t(i)] = blockEntropy(parts, i); });
  double sum = 0;
  for (double each : bytes)
    sum += each;
  return sum;
}

double measureRatio(const PayloadParts &parts, const PackSteps &steps,
                    const ParallelFor &parallel) {
  constexpr int64_t most = 12;
  int64_t blocks = parts.blocks(), sampled = std::min(blocks, most);
  std::vector<double> packed(static_cast<size_t>(sampled)),
      entropy(static_cast<size_t>(sampled));
  parallel(sampled, [&](int64_t i) {
    throwIfInterrupted();
    int64_t index = i * blocks / sampled;
    packed[size_t(i)] = double(steps.encode(parts.block(index)).size());
    entropy[size_t(i)] = blockEntropy(parts, index);
  });
  double sumPacked = 0, sumEntropy = 0;
  for (size_t i = 0; i < packed.size(); ++i)
    sumPacked += packed[i], sumEntropy += entropy[i];
  return sumEntropy > 0 ? sumPacked / sumEntropy : 1;
}

} // namespace pgrt
