#include "runtime/device/Device.h"

namespace pgrt {

template <typename T>
static void addAs(const Addition &addition, int64_t begin, int64_t end) {
  T *to = static_cast<T *>(addition.to);
  const T *from = static_cast<const T *>(addition.from);
  for (int64_t i = begin; i < end; ++i)
    to[i] += from[i];
}

void addNumbers(const Addition &addition, int64_t begin, int64_t end) {
  if (addition.type == plan::F64)
    addAs<double>(addition, begin, end);
  else
    addAs<float>(addition, begin, end);
}

// On the host: right for any device, fast for none.
void Device::add(std::span<const Addition> additions) {
  for (const Addition &one : additions) {
    int64_t bytes = one.elements * (one.type == plan::F64 ? 8 : 4);
    std::vector<char> to(static_cast<size_t>(bytes)), from(to.size());
    read(to.data(), one.to, bytes);
    read(from.data(), one.from, bytes);
    addNumbers({to.data(), from.data(), one.elements, one.type}, 0,
               one.elements);
    write(one.to, to.data(), bytes);
  }
}

} // namespace pgrt
