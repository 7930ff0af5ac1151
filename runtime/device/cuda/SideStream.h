// A stream for what goes on beside a device's programs: exchanges between GPUs,
// and the sums of what they bring.
#pragma once

#include "runtime/device/cuda/Context.h"

#include <vector>

namespace pgrt::cuda {

class SideStream {
public:
  explicit SideStream(const Context &context) : context(context) {}
  ~SideStream();
  SideStream(const SideStream &) = delete;
  SideStream &operator=(const SideStream &) = delete;

  /// Made when it is first asked for. Its kernels go before those of other
  /// streams where both could: they are few, and other GPUs wait for them.
  CUstream stream();

  /// The event that a signal of that number is. Lives as long as this.
  CUevent signal(int number);
  /// What comes on the stream waits for the signal, as it was recorded last.
  void waitFor(int number);

  /// What comes on `other` waits for all that is on this stream.
  void joinInto(CUstream other);
  /// The calling thread waits for it. The driver's result.
  CUresult wait();

private:
  CUevent makeEvent() const;

  const Context &context;
  CUstream made = nullptr;
  CUevent end = nullptr;
  std::vector<CUevent> signals;
};

} // namespace pgrt::cuda
