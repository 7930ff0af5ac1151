#include "runtime/device/cuda/Graph.h"
#include "runtime/schedule/Dependencies.h"
#include "runtime/schedule/Lanes.h"

#include <cstring>

namespace pgrt::cuda {

namespace {
/// Events that order the streams while they are recorded.
class Events {
public:
  explicit Events(const Driver &driver) : driver(driver) {}
  ~Events() {
    for (CUevent event : made)
      driver.cuEventDestroy(event);
  }
  Events(const Events &) = delete;
  Events &operator=(const Events &) = delete;

  CUevent record(CUstream stream) {
    CUevent event = nullptr;
    driver.check(driver.cuEventCreate(&event, CU_EVENT_DISABLE_TIMING),
                 "cannot make an event");
    made.push_back(event);
    driver.check(driver.cuEventRecord(event, stream), "cannot record an event");
    return event;
  }

private:
  const Driver &driver;
  std::vector<CUevent> made;
};

void addRange(std::vector<MemoryRange> &ranges, void *address, int64_t bytes) {
  auto begin = reinterpret_cast<uintptr_t>(address);
  ranges.push_back({begin, begin + uint64_t(bytes)});
}

/// What the work has to wait for.
std::vector<int> addTo(Dependencies &dependencies, const Work &work,
                       const Issuer &issuer) {
  std::vector<MemoryRange> reads, writes;
  if (work.kind == Work::Launch) {
    const plan::Kernel &kernel = issuer.kernel(work.kernel);
    int operands = kernel.buffer_bytes_size() - int(kernel.results());
    for (int i = 0; i < kernel.buffer_bytes_size(); ++i)
      addRange(i < operands ? reads : writes, work.buffers[size_t(i)],
               kernel.buffer_bytes(i));
  } else if (work.kind == Work::Signal) {
    // As if it wrote: after those that read there too.
    for (size_t i = 0; i < work.buffers.size(); i += 2)
      writes.push_back({uint64_t(uintptr_t(work.buffers[i])),
                        uint64_t(uintptr_t(work.buffers[i + 1]))});
  } else {
    addRange(writes, work.buffers[0], work.bytes);
    if (work.kind == Work::Copy)
      addRange(reads, work.buffers[1], work.bytes);
  }
  return dependencies.add(reads, writes);
}
} // namespace

Graph::Graph(const Context &context, Issuer &issuer, std::vector<Work> works,
             int64_t scalars)
    : context(context), driver(context.driver), issuer(issuer),
      scalarCount(scalars) {
  if (scalarCount) {
    size_t bytes = size_t(scalarCount) * sizeof(double);
    void *pinned = nullptr;
    driver.check(driver.cuMemHostAlloc(&pinned, bytes, 0),
                 "cannot get memory that the GPU may read");
    staged = static_cast<double *>(pinned);
    table = context.allocate(bytes, issuer.stream(0));
    driver.check(driver.cuEventCreate(&copied, CU_EVENT_DISABLE_TIMING),
                 "cannot make an event");
  }
  for (Work &work : works)
    work.scalars += table;
  capture(works);
}

Graph::~Graph() {
  if (executable)
    driver.cuGraphExecDestroy(executable);
  if (copied)
    driver.cuEventDestroy(copied);
  if (table)
    driver.cuMemFree(table);
  if (staged)
    driver.cuMemFreeHost(staged);
}

// The streams are recorded, not run: other streams start behind an event of the
// main one, and the main one waits for the last event of each.
void Graph::capture(const std::vector<Work> &works) {
  const char *doing = "cannot record a program as a graph";
  Dependencies dependencies;
  Lanes lanes(mostLanes);
  std::vector<Lanes::Place> places;
  std::vector<bool> awaited(works.size());
  for (const Work &work : works) {
    places.push_back(lanes.add(addTo(dependencies, work, issuer)));
    for (int other : places.back().waits)
      awaited[size_t(other)] = true;
  }
  for (size_t lane = 1; lane < lanes.last().size(); ++lane)
    awaited[size_t(lanes.last()[lane])] = true;
  for (size_t i = 0; i < works.size(); ++i)
    issuer.reserve(works[i], places[i].lane);

  CUstream main = issuer.stream(0);
  Events events(driver);
  std::vector<CUevent> done(works.size());
  std::vector<bool> joined(mostLanes);
  // Libraries may load code when a kernel is first launched.
  driver.check(
      driver.cuStreamBeginCapture(main, CU_STREAM_CAPTURE_MODE_RELAXED), doing);
  CUevent start = events.record(main);
  joined[0] = true;
  auto wait = [&](int lane, CUevent event) {
    driver.check(driver.cuStreamWaitEvent(issuer.stream(lane), event, 0),
                 doing);
  };
  for (size_t i = 0; i < works.size(); ++i) {
    int lane = places[i].lane;
    if (!joined[size_t(lane)])
      wait(lane, start);
    joined[size_t(lane)] = true;
    for (int other : places[i].waits)
      wait(lane, done[size_t(other)]);
    issuer.issue(works[i], lane);
    if (awaited[i])
      done[i] = events.record(issuer.stream(lane));
  }
  for (size_t lane = 1; lane < lanes.last().size(); ++lane)
    wait(0, done[size_t(lanes.last()[lane])]);
  CUgraph graph = nullptr;
  driver.check(driver.cuStreamEndCapture(main, &graph), doing);
  CUresult result = driver.cuGraphInstantiate(&executable, graph, 0);
  driver.cuGraphDestroy(graph);
  driver.check(result, doing);
}

void Graph::writeScalars(const std::vector<double> &scalars) {
  size_t bytes = scalars.size() * sizeof(double);
  if (written && std::memcmp(staged, scalars.data(), bytes) == 0)
    return;
  if (written)
    driver.check(driver.cuEventSynchronize(copied), "a program failed");
  std::memcpy(staged, scalars.data(), bytes);
  written = true;
  driver.check(driver.cuMemcpyHtoDAsync(table, staged, bytes, issuer.stream(0)),
               "cannot copy to the GPU");
  driver.check(driver.cuEventRecord(copied, issuer.stream(0)),
               "cannot record an event");
}

void Graph::run(const std::vector<double> &scalars) {
  context.use();
  if (scalarCount)
    writeScalars(scalars);
  driver.check(driver.cuGraphLaunch(executable, issuer.stream(0)),
               "cannot run a program");
}

} // namespace pgrt::cuda
