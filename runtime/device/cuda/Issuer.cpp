#include "runtime/device/cuda/Issuer.h"

namespace pgrt::cuda {

Issuer::Issuer(const Context &context) : context(context) { stream(0); }

Issuer::~Issuer() {
  const Driver &driver = context.driver;
  module.reset();
  products.reset();
  for (CUdeviceptr workspace : workspaces)
    if (workspace)
      driver.cuMemFree(workspace);
  for (CUstream stream : streams)
    driver.cuStreamDestroy(stream);
}

void Issuer::loadCode(const plan::Plan &from) {
  plan = &from;
  module = std::make_unique<Module>(context.driver, from);
  products = std::make_unique<Products>(from);
}

CUstream Issuer::stream(int lane) {
  while (int(streams.size()) <= lane) {
    CUstream made = nullptr;
    context.driver.check(
        context.driver.cuStreamCreate(&made, CU_STREAM_NON_BLOCKING),
        "cannot make a stream");
    streams.push_back(made);
    workspaces.push_back(0);
  }
  return streams[size_t(lane)];
}

CUdeviceptr Issuer::workspace(int lane) {
  CUdeviceptr &found = workspaces[size_t(lane)];
  if (!found)
    found = context.allocate(Products::workspaceBytes, stream(lane));
  return found;
}

void Issuer::reserve(const Work &work, int lane) {
  stream(lane);
  if (work.kind == Work::Launch && kernel(work.kernel).has_library())
    workspace(lane);
}

void Issuer::issue(const Work &work, int lane) {
  const Driver &driver = context.driver;
  CUstream on = stream(lane);
  auto address = [&](size_t i) { return CUdeviceptr(work.buffers[i]); };
  switch (work.kind) {
  case Work::Launch:
    if (kernel(work.kernel).has_library())
      products->launch(work.kernel, work.buffers.data(), workspace(lane), on);
    else
      module->launch(work.kernel, work.buffers.data(), work.scalars, on);
    return;
  case Work::Copy:
    if (work.bytes)
      driver.check(driver.cuMemcpyDtoDAsync(address(0), address(1),
                                            size_t(work.bytes), on),
                   "cannot copy on the GPU");
    return;
  case Work::Fill:
    if (work.bytes)
      driver.check(driver.cuMemsetD32Async(address(0), work.pattern,
                                           size_t(work.bytes) / 4, on),
                   "cannot fill memory on the GPU");
    return;
  case Work::Signal:
    driver.check(
        driver.cuEventRecordWithFlags(work.event, on, CU_EVENT_RECORD_EXTERNAL),
        "cannot record an event in a graph");
    return;
  }
}

} // namespace pgrt::cuda
