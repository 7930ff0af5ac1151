#include "runtime/artifact/ZeroOnes.h"
#include "runtime/support/Half.h"

#include <algorithm>
#include <map>

namespace pgrt {

namespace {
uint16_t halfAt(const std::string &bytes, int64_t index) {
  return uint16_t(uint8_t(bytes[size_t(2 * index)]) |
                  uint8_t(bytes[size_t(2 * index) + 1]) << 8);
}

/// Strides with which `scale` is read along the axes of `codes`; none if it
/// does not broadcast.
std::vector<int64_t> broadcastStrides(const plan::Leaf &codes,
                                      const plan::Leaf &scale) {
  int axes = codes.shape_size(), own = scale.shape_size();
  std::vector<int64_t> strides(static_cast<size_t>(axes), 0);
  if (own > axes)
    return {};
  int64_t stride = 1;
  for (int i = own; i-- > 0;) {
    int axis = axes - own + i;
    if (scale.shape(i) != 1 && scale.shape(i) != codes.shape(axis))
      return {};
    if (scale.shape(i) != 1)
      strides[size_t(axis)] = stride;
    stride *= scale.shape(i);
  }
  return strides;
}

/// Calls visit(element, index of its scale) for every element.
template <typename Visit>
void forEachScale(const StoredLeaf &codes, const std::vector<int64_t> &strides,
                  Visit visit) {
  for (int64_t element = 0; element < codes.elements; ++element) {
    int64_t rest = element, scale = 0;
    for (int axis = codes.leaf->shape_size(); axis-- > 0;) {
      int64_t size = codes.leaf->shape(axis);
      scale += rest % size * strides[size_t(axis)];
      rest /= size;
    }
    visit(element, scale);
  }
}

struct Scaled {
  size_t codes;
  const std::string *scales;
  std::vector<int64_t> strides;
};

/// The leaves of one-byte codes that have a scale.
std::vector<Scaled> findScaled(const std::vector<StoredLeaf> &leaves) {
  std::vector<Scaled> found;
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].elementBytes() != 1)
      continue;
    for (const StoredLeaf &other : leaves) {
      if (other.quantizer != leaves[i].quantizer ||
          other.leaf->kind() != plan::Leaf::F16)
        continue;
      std::vector<int64_t> strides =
          broadcastStrides(*leaves[i].leaf, *other.leaf);
      if (strides.size() == size_t(leaves[i].leaf->shape_size())) {
        found.push_back({i, &other.bytes, strides});
        break;
      }
    }
  }
  return found;
}
} // namespace

int64_t zeroOnes(std::vector<StoredLeaf> &leaves, int64_t count) {
  std::vector<Scaled> scaled = findScaled(leaves);
  std::map<float, int64_t> ones; // how many codes of ±1 each scale has
  auto isOne = [](char code) { return code == 1 || code == char(-1); };
  for (const Scaled &one : scaled)
    forEachScale(leaves[one.codes], one.strides,
                 [&](int64_t element, int64_t scale) {
                   if (isOne(leaves[one.codes].bytes[size_t(element)]))
                     ++ones[halfToFloat(halfAt(*one.scales, scale))];
                 });
  // Each scale's share: all of the smaller ones, the rest of the last.
  int64_t left = count;
  for (auto &[scale, number] : ones) {
    number = std::min(number, left);
    left -= number;
  }
  for (const Scaled &one : scaled) {
    std::string &codes = leaves[one.codes].bytes;
    forEachScale(
        leaves[one.codes], one.strides, [&](int64_t element, int64_t scale) {
          if (!isOne(codes[size_t(element)]))
            return;
          int64_t &share = ones[halfToFloat(halfAt(*one.scales, scale))];
          if (share > 0) {
            --share;
            codes[size_t(element)] = 0;
          }
        });
  }
  return count - left;
}

} // namespace pgrt
