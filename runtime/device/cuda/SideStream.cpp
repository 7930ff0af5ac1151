#include "runtime/device/cuda/SideStream.h"

namespace pgrt::cuda {

// Of the main streams it is 0, and lower numbers go first.
static constexpr int priority = -1;

SideStream::~SideStream() {
  const Driver &driver = context.driver;
  for (CUevent event : signals)
    driver.cuEventDestroy(event);
  if (end)
    driver.cuEventDestroy(end);
  if (made)
    driver.cuStreamDestroy(made);
}

CUevent SideStream::makeEvent() const {
  CUevent event = nullptr;
  context.driver.check(
      context.driver.cuEventCreate(&event, CU_EVENT_DISABLE_TIMING),
      "cannot make an event");
  return event;
}

CUstream SideStream::stream() {
  if (!made)
    context.driver.check(context.driver.cuStreamCreateWithPriority(
                             &made, CU_STREAM_NON_BLOCKING, priority),
                         "cannot make a stream");
  return made;
}

CUevent SideStream::signal(int number) {
  while (int(signals.size()) <= number)
    signals.push_back(makeEvent());
  return signals[size_t(number)];
}

void SideStream::waitFor(int number) {
  context.driver.check(
      context.driver.cuStreamWaitEvent(stream(), signal(number), 0),
      "cannot wait for a program");
}

void SideStream::joinInto(CUstream other) {
  if (!made)
    return;
  if (!end)
    end = makeEvent();
  const Driver &driver = context.driver;
  driver.check(driver.cuEventRecord(end, made), "cannot record an event");
  driver.check(driver.cuStreamWaitEvent(other, end, 0),
               "cannot wait for what other GPUs send");
}

CUresult SideStream::wait() {
  return made ? context.driver.cuStreamSynchronize(made) : CUDA_SUCCESS;
}

} // namespace pgrt::cuda
