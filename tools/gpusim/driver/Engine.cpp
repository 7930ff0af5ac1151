#include "tools/gpusim/driver/Engine.h"

#include <algorithm>
#include <cfenv>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace gpusim {

Op::~Op() = default;

Call::Call(std::string what, std::function<void()> work)
    : work(std::move(work)) {
  name = std::move(what);
}
void Call::offer() {
  work();
  done = true;
}
std::shared_ptr<Op> Call::again() const {
  return std::make_shared<Call>(name, work);
}

namespace {

// A launched graph: its nodes run when those before them are done. One at a
// time, so that other streams may run in between.
class GraphRun : public Op {
public:
  explicit GraphRun(const std::vector<GraphNode> &from) : nodes(from) {
    name = "a graph of " + std::to_string(from.size()) + " nodes";
    for (GraphNode &node : nodes)
      node.op = node.op->again();
  }
  void offer() override { poll(); }
  bool poll() override {
    bool moved = false, all = true;
    for (GraphNode &node : nodes) {
      if (!node.op->done && !moved && isReady(node)) {
        if (node.op->offered)
          moved = node.op->poll();
        else
          node.op->offered = moved = true, node.op->offer();
        moved |= node.op->done;
      }
      all &= node.op->done;
    }
    done = all;
    return moved || done;
  }
  std::shared_ptr<Op> again() const override {
    return std::make_shared<GraphRun>(nodes);
  }

private:
  bool isReady(const GraphNode &node) const {
    for (int before : node.after)
      if (!nodes[size_t(before)].op->done)
        return false;
    return true;
  }

  std::vector<GraphNode> nodes;
};

// A device computes the same whichever thread waits for it: those of a program
// may flush denormal numbers, or round otherwise.
class DeviceArithmetic {
public:
  DeviceArithmetic() {
    std::fegetenv(&threads);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DeviceArithmetic() { std::fesetenv(&threads); }
  DeviceArithmetic(const DeviceArithmetic &) = delete;
  DeviceArithmetic &operator=(const DeviceArithmetic &) = delete;

private:
  std::fenv_t threads;
};

int64_t setting(const char *name, int64_t otherwise) {
  const char *text = std::getenv(name);
  return text && *text ? std::atoll(text) : otherwise;
}

} // namespace

Engine &Engine::get() {
  static Engine *engine = new Engine; // outlives every thread
  return *engine;
}

Engine::Engine() {
  devices = int(setting("GPUSIM_DEVICES", 1));
  driverVersion = int(setting("GPUSIM_DRIVER", 13000));
  capability = int(setting("GPUSIM_CAPABILITY", 90));
  bytesPerDevice = uint64_t(setting("GPUSIM_MEMORY_MIB", 80 * 1024)) << 20;
  options.races = setting("GPUSIM_RACES", 1) != 0;
  options.uninitialised = setting("GPUSIM_UNINITIALISED", 1) != 0;
  options.maxInstructions =
      uint64_t(setting("GPUSIM_MAX_INSTRUCTIONS", int64_t(1) << 36));
  timeout = double(setting("GPUSIM_TIMEOUT", 60));
  forgetsGraphEvents = setting("GPUSIM_FORGET_GRAPH_EVENTS", 0) != 0;
  newestFirst = setting("GPUSIM_NEWEST_FIRST", 0) != 0;
}

std::shared_ptr<Op> Engine::graphRun(const std::vector<GraphNode> &nodes) {
  return std::make_shared<GraphRun>(nodes);
}

CUstream_st *Engine::resolve(CUstream stream, int device) {
  // 0, and the names of the legacy and the thread's own null stream.
  if (reinterpret_cast<uintptr_t>(stream) > 2)
    return stream;
  CUstream_st *&null = nullStreams[device];
  if (!null) {
    null = new CUstream_st;
    null->device = device;
    null->isNull = true;
    streams.push_back(null);
  }
  return null;
}

void Engine::addStream(CUstream_st *stream) { streams.push_back(stream); }
void Engine::removeStream(CUstream_st *stream) {
  streams.erase(std::remove(streams.begin(), streams.end(), stream),
                streams.end());
}

void Engine::endCapture(CUgraph_st *graph) {
  captures.erase(graph);
  for (CUstream_st *stream : streams)
    if (stream->capture == graph) {
      stream->capture = nullptr;
      stream->origin = nullptr;
      stream->tail.clear();
    }
}

void Engine::enqueue(CUstream handle, int device, std::shared_ptr<Op> op) {
  CUstream_st *stream = resolve(handle, device);
  if (stream->capture) {
    stream->capture->nodes.push_back({op, stream->tail});
    stream->tail = {int(stream->capture->nodes.size()) - 1};
    return;
  }
  // The null stream and the blocking ones wait for each other.
  for (CUstream_st *other : streams)
    if (other != stream && other->device == stream->device && other->blocking &&
        stream->blocking && (other->isNull || stream->isNull))
      drain(other);
  stream->queue.push_back(std::move(op));
  wakeUp.notify_all();
}

bool Engine::advance(std::deque<std::shared_ptr<Op>> &queue) {
  bool moved = false;
  while (!queue.empty()) {
    std::shared_ptr<Op> op = queue.front();
    if (!op->offered) {
      op->offered = moved = true;
      op->offer();
    } else if (!op->done) {
      moved |= op->poll();
    }
    if (!op->done)
      return moved;
    queue.pop_front();
    moved = true;
  }
  return moved;
}

bool Engine::step(CUstream_st *first) {
  if (first && !newestFirst && advance(first->queue))
    return true;
  for (size_t i = 0; i < streams.size(); ++i) {
    CUstream_st *stream = streams[newestFirst ? streams.size() - 1 - i : i];
    if (advance(stream->queue))
      return true;
  }
  return false;
}

template <typename Empty>
void Engine::drainUntil(CUstream_st *first, Empty empty) {
  DeviceArithmetic arithmetic;
  auto start = std::chrono::steady_clock::now();
  while (!empty()) {
    if (step(first)) {
      start = std::chrono::steady_clock::now();
      continue;
    }
    // Another thread may bring what is missing.
    std::unique_lock<std::mutex> lock(mutex, std::adopt_lock);
    wakeUp.wait_for(lock, std::chrono::milliseconds(50));
    lock.release();
    std::chrono::duration<double> waited =
        std::chrono::steady_clock::now() - start;
    if (waited.count() < timeout)
      continue;
    std::string message = "deadlock: streams wait for what never comes:";
    for (CUstream_st *stream : streams)
      if (!stream->queue.empty())
        message += " on device " + std::to_string(stream->device) + " " +
                   stream->queue.front()->name + ";";
    throw Fault(FaultKind::Deadlock, message);
  }
}

void Engine::drain(CUstream_st *stream) {
  drainUntil(stream, [&] { return stream->queue.empty(); });
}
void Engine::drainDevice(int device) {
  drainUntil(nullptr, [&] {
    for (CUstream_st *stream : streams)
      if (stream->device == device && !stream->queue.empty())
        return false;
    return true;
  });
}
void Engine::drainEvent(CUevent_st *event) {
  drainUntil(nullptr, [&] { return !event->op || event->op->done; });
}

CUresult guarded(const char *call, bool needsContext,
                 const std::function<CUresult()> &body) {
  Engine &engine = Engine::get();
  std::lock_guard<std::mutex> lock(engine.mutex);
  if (engine.sticky)
    return engine.sticky;
  if (needsContext && currentDevice() < 0)
    return CUDA_ERROR_INVALID_CONTEXT;
  try {
    return body();
  } catch (const Fault &fault) {
    std::fprintf(stderr, "gpusim: %s: %s\n", call, fault.what());
    engine.stickyMessage = fault.what();
    engine.sticky =
        fault.kind == FaultKind::OutOfBounds  ? CUDA_ERROR_ILLEGAL_ADDRESS
        : fault.kind == FaultKind::Misaligned ? CUDA_ERROR_MISALIGNED_ADDRESS
                                              : CUDA_ERROR_LAUNCH_FAILED;
    return engine.sticky;
  } catch (const std::bad_alloc &) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
}

} // namespace gpusim
