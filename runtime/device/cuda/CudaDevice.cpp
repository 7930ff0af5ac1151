#include "runtime/device/cuda/CudaDevice.h"
#include "runtime/device/cuda/Graph.h"
#include "runtime/device/cuda/Peak.h"
#include "runtime/support/Error.h"

#include <algorithm>

namespace pgrt {

using cuda::Work;

// Kernels may read so many bytes past the end of a buffer.
static constexpr int64_t overRead = 64;

static CUdeviceptr onDevice(const void *address) {
  return CUdeviceptr(reinterpret_cast<uintptr_t>(address));
}

CudaDevice::CudaDevice(int index, int threads)
    : context(index), team(threads), issuer((context.use(), context)),
      side(context) {}

CudaDevice::~CudaDevice() {
  // Faults have been reported where they showed: nothing is left to do about
  // them here.
  side.wait();
  context.driver.cuStreamSynchronize(issuer.stream(0));
  for (CUdeviceptr address : allocations)
    context.driver.cuMemFree(address);
  if (scalarTable)
    context.driver.cuMemFree(scalarTable);
}

std::string CudaDevice::description() const {
  return cat(context.description(), "; ", team.size(),
             team.size() == 1 ? " thread" : " threads");
}

std::vector<void *> CudaDevice::allocate(const std::vector<int64_t> &sizes) {
  context.use();
  const cuda::Driver &driver = context.driver;
  double total = 0;
  for (int64_t bytes : sizes)
    total += double(bytes);
  size_t free = 0, all = 0;
  driver.check(driver.cuMemGetInfo(&free, &all),
               "cannot ask the GPU for its memory");
  if (total > double(free))
    failMachine("not enough memory on GPU ", context.index, ": ",
                readableBytes(total), " are needed, ",
                readableBytes(double(free)), " of ", readableBytes(double(all)),
                " are free; a smaller micro-batch or sequence needs less");
  std::vector<void *> addresses;
  for (int64_t bytes : sizes) {
    CUdeviceptr address =
        context.allocate(size_t(bytes + overRead), issuer.stream(0));
    allocations.push_back(address);
    addresses.push_back(reinterpret_cast<void *>(address));
  }
  return addresses;
}

void CudaDevice::release(const std::vector<void *> &addresses) {
  context.use();
  wait();
  for (void *address : addresses)
    if (std::erase(allocations, onDevice(address)))
      context.driver.check(context.driver.cuMemFree(onDevice(address)),
                           "cannot give back memory of the GPU");
}

void CudaDevice::loadCode(const plan::Plan &plan) {
  context.use();
  issuer.loadCode(plan);
  uint32_t most = 0;
  for (const plan::Kernel &kernel : plan.kernels())
    most = std::max(most, kernel.scalars());
  if (scalarTable)
    context.driver.cuMemFree(scalarTable);
  scalarTable = most ? context.allocate(most * sizeof(double), stream()) : 0;
}

// Recorded, or done at once.
void CudaDevice::ask(Work work) {
  if (taken)
    taken->works.push_back(std::move(work));
  else
    issuer.issue(work, 0);
}

void CudaDevice::launch(uint32_t kernel, void *const *buffers,
                        const double *scalars) {
  const plan::Kernel &info = issuer.kernel(int(kernel));
  Work work{Work::Launch, int(kernel),
            std::vector<void *>(buffers, buffers + info.buffer_bytes_size())};
  if (taken) {
    work.scalars = CUdeviceptr(taken->scalars) * sizeof(double);
    taken->scalars += info.scalars();
    return ask(std::move(work));
  }
  context.use();
  work.scalars = scalarTable;
  if (info.scalars())
    write(reinterpret_cast<void *>(scalarTable), scalars,
          int64_t(info.scalars() * sizeof(double)));
  ask(std::move(work));
}

void CudaDevice::copy(void *to, const void *from, int64_t bytes) {
  context.use();
  Work work{Work::Copy};
  work.buffers = {to, const_cast<void *>(from)};
  work.bytes = bytes;
  ask(std::move(work));
}

void CudaDevice::fill(void *to, uint32_t pattern, int64_t bytes) {
  context.use();
  Work work{Work::Fill};
  work.buffers = {to};
  work.bytes = bytes;
  work.pattern = pattern;
  ask(std::move(work));
}

void CudaDevice::sum(std::span<const TreeSum> sums) {
  context.use();
  if (!adder)
    adder = std::make_unique<cuda::Adder>(context);
  // All sums of a step have as many places: of each rank one.
  for (size_t begin = 0, end; begin < sums.size(); begin = end) {
    const size_t places = sums[begin].from.size();
    for (end = begin + 1; end < sums.size() &&
                          sums[end].from.size() == places &&
                          sums[end].type == sums[begin].type;)
      ++end;
    if (cuda::Adder::canAdd(places))
      adder->add(sums.subspan(begin, end - begin), stream());
    else
      Device::sum(sums.subspan(begin, end - begin));
  }
}

std::unique_ptr<Recording>
CudaDevice::record(const std::function<void()> &issue) {
  context.use();
  Taken all;
  taken = &all;
  try {
    issue();
  } catch (...) {
    taken = nullptr;
    throw;
  }
  taken = nullptr;
  return std::make_unique<cuda::Graph>(context, issuer, std::move(all.works),
                                       all.scalars);
}

void CudaDevice::signal(int number, std::span<const MemoryPiece> memory) {
  context.use();
  CUevent event = side.signal(number);
  if (!taken) {
    context.driver.check(context.driver.cuEventRecord(event, stream()),
                         "cannot record an event");
    return;
  }
  Work work{Work::Signal};
  for (const MemoryPiece &piece : memory) {
    work.buffers.push_back(piece.address);
    work.buffers.push_back(static_cast<char *>(piece.address) + piece.bytes);
  }
  work.event = event;
  ask(std::move(work));
}

void CudaDevice::beside(int signal, const std::function<void()> &issue) {
  context.use();
  side.waitFor(signal);
  isBeside = true;
  try {
    issue();
  } catch (...) {
    isBeside = false;
    throw;
  }
  isBeside = false;
}

void CudaDevice::join() {
  context.use();
  side.joinInto(issuer.stream(0));
}

void CudaDevice::wait() {
  context.use();
  const char *fault = "the GPU reports a fault";
  context.driver.check(side.wait(), fault);
  context.driver.check(context.driver.cuStreamSynchronize(issuer.stream(0)),
                       fault);
}

void CudaDevice::read(void *host, const void *device, int64_t bytes) {
  if (bytes == 0)
    return;
  context.use();
  context.driver.check(context.driver.cuMemcpyDtoHAsync(
                           host, onDevice(device), size_t(bytes), stream()),
                       "cannot copy from the GPU");
  context.driver.check(context.driver.cuStreamSynchronize(stream()),
                       "the GPU reports a fault");
}

// The driver has read the host's memory, which is not pinned, when the call
// returns.
void CudaDevice::write(void *device, const void *host, int64_t bytes) {
  if (bytes == 0)
    return;
  context.use();
  context.driver.check(context.driver.cuMemcpyHtoDAsync(
                           onDevice(device), host, size_t(bytes), stream()),
                       "cannot copy to the GPU");
}

void CudaDevice::onHostThreads(int64_t count,
                               const std::function<void(int64_t)> &body) {
  team.runOrThrow(count, body);
}

double CudaDevice::measurePeak(const std::string &numerics) {
  context.use();
  return cuda::measurePeak(context, stream(), numerics);
}

} // namespace pgrt
