// How many bytes leaves will take, without compressing them.
#pragma once

#include "runtime/artifact/Payload.h"

namespace pgrt {

/// Bytes that an ideal coder of independent symbols needs for these bytes:
/// −Σ n log2(n / N) / 8. `stride` streams are counted apart.
double entropyBytes(std::string_view bytes, size_t stride);

/// The same of one leaf as it is packed.
double leafEntropyBytes(const StoredLeaf &stored);

/// Estimates packed sizes from entropies. How far codecs stay above the entropy
/// of a block depends on its density, the entropy of a byte: a curve through
/// blocks that were compressed. Blocks of two-byte elements have a curve of
/// their own.
class SizeCurve {
public:
  /// Compresses a few blocks, spread over the densities of `parts`, and adds
  /// them to the curve.
  void sample(const PayloadParts &parts, const PackSteps &steps,
              const ParallelFor &parallel);
  bool empty() const { return points.empty(); }

  /// Packed bytes over entropy at a density of so many bits a byte.
  double ratio(bool wide, double density) const;
  /// Of the whole payload.
  double estimate(const PayloadParts &parts, const ParallelFor &parallel) const;

private:
  struct Point {
    bool wide;
    double density, ratio;
  };
  std::vector<Point> points;
};

} // namespace pgrt
