#include "runtime/device/Device.h"

#include <algorithm>
#include <cstring>

namespace pgrt {

// A few numbers at a time, which stay in a processor's caches.
template <typename T>
static void sumAs(const TreeSum &sum, int64_t begin, int64_t end) {
  constexpr int64_t most = 1024;
  const size_t places = sum.from.size();
  for (int64_t at = begin; at < end; at += most) {
    const int64_t count = std::min(most, end - at);
    for (size_t distance = 1; distance < places; distance *= 2)
      for (size_t i = 0; i + distance < places; i += 2 * distance) {
        T *to = static_cast<T *>(sum.from[i]) + at;
        const T *from = static_cast<const T *>(sum.from[i + distance]) + at;
        for (int64_t j = 0; j < count; ++j)
          to[j] += from[j];
      }
    if (sum.to != sum.from[0])
      std::memcpy(static_cast<T *>(sum.to) + at,
                  static_cast<const T *>(sum.from[0]) + at,
                  size_t(count) * sizeof(T));
  }
}

void sumNumbers(const TreeSum &sum, int64_t begin, int64_t end) {
  if (sum.type == plan::F64)
    sumAs<double>(sum, begin, end);
  else
    sumAs<float>(sum, begin, end);
}

// On the host: right for any device, fast for none.
void Device::sum(std::span<const TreeSum> sums) {
  for (const TreeSum &one : sums) {
    const int64_t bytes = one.elements * (one.type == plan::F64 ? 8 : 4);
    std::vector<std::vector<char>> copies;
    TreeSum onHost{nullptr, {}, one.elements, one.type};
    for (const void *place : one.from) {
      std::vector<char> &copy = copies.emplace_back(size_t(bytes));
      read(copy.data(), place, bytes);
      onHost.from.push_back(copy.data());
    }
    onHost.to = onHost.from[0];
    sumNumbers(onHost, 0, one.elements);
    write(one.to, onHost.to, bytes);
  }
}

} // namespace pgrt
