// Streams, events and graphs.
#include "tools/gpusim/driver/Engine.h"

#include <algorithm>
#include <chrono>
#include <dlfcn.h>
#include <set>

using namespace gpusim;

namespace {

double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Done when another op is.
class After : public Op {
public:
  explicit After(std::shared_ptr<Op> before) : before(std::move(before)) {
    name = "a wait for an event";
  }
  void offer() override { done = before->done; }
  bool poll() override { return done = before->done; }
  std::shared_ptr<Op> again() const override {
    return std::make_shared<After>(before);
  }

private:
  std::shared_ptr<Op> before;
};

// Recorded by a graph each time it runs: the event then is the node of the run
// that was launched last.
class Recorded : public Op {
public:
  explicit Recorded(CUevent event) : event(event) { name = "an event"; }
  void offer() override {
    event->seconds = now();
    done = true;
  }
  std::shared_ptr<Op> again() const override {
    auto made = std::make_shared<Recorded>(event);
    event->op = made;
    return made;
  }

private:
  CUevent event;
};

CUstream_st *on(CUstream stream) {
  return Engine::get().resolve(stream, std::max(currentDevice(), 0));
}

} // namespace

GPUSIM_API CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned flags,
                                               int) {
  return guarded("cuStreamCreate", true, [&] {
    auto *made = new CUstream_st;
    made->device = currentDevice();
    made->blocking = !(flags & 1);
    Engine::get().addStream(made);
    *stream = made;
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
  return cuStreamCreateWithPriority(stream, flags, 0);
}
GPUSIM_API CUresult cuStreamDestroy_v2(CUstream stream) {
  return guarded("cuStreamDestroy", true, [&] {
    Engine::get().drain(on(stream));
    Engine::get().removeStream(stream);
    delete stream;
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuStreamSynchronize(CUstream stream) {
  return guarded("cuStreamSynchronize", true, [&] {
    if (on(stream)->capture)
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    Engine::get().drain(on(stream));
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuStreamQuery(CUstream stream) {
  // A program may poll: asking makes the work go on.
  return guarded("cuStreamQuery", true, [&] {
    Engine::get().drain(on(stream));
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuStreamWaitEvent(CUstream handle, CUevent event,
                                      unsigned) {
  return guarded("cuStreamWaitEvent", true, [&]() -> CUresult {
    CUstream_st *stream = on(handle);
    if (event->capture && !Engine::get().captures.count(event->capture))
      return CUDA_ERROR_INVALID_VALUE; // of a recording that has ended
    if (event->capture) {
      // The stream joins the capture that the event belongs to.
      if (stream->capture && stream->capture != event->capture)
        return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
      stream->capture = event->capture;
      stream->origin = event->origin;
      for (int node : event->tail)
        if (std::find(stream->tail.begin(), stream->tail.end(), node) ==
            stream->tail.end())
          stream->tail.push_back(node);
      return CUDA_SUCCESS;
    }
    if (!event->op || event->op->done || stream->capture)
      return CUDA_SUCCESS;
    if (Engine::get().forgetsGraphEvents &&
        dynamic_cast<Recorded *>(event->op.get()))
      return CUDA_SUCCESS;
    std::shared_ptr<Op> before = event->op;
    Engine::get().enqueue(handle, currentDevice(),
                          std::make_shared<After>(before));
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuLaunchHostFunc(CUstream stream, void (*function)(void *),
                                     void *data) {
  return guarded("cuLaunchHostFunc", true, [&] {
    Engine::get().enqueue(
        stream, currentDevice(),
        std::make_shared<Call>("a host function", [=] { function(data); }));
    return CUDA_SUCCESS;
  });
}

GPUSIM_API CUresult cuEventCreate(CUevent *event, unsigned) {
  *event = new CUevent_st;
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuEventDestroy_v2(CUevent event) {
  delete event;
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuEventRecord(CUevent event, CUstream handle) {
  return guarded("cuEventRecord", true, [&] {
    CUstream_st *stream = on(handle);
    if (stream->capture) {
      event->capture = stream->capture;
      event->origin = stream->origin;
      event->tail = stream->tail;
      return CUDA_SUCCESS;
    }
    event->capture = nullptr;
    event->op =
        std::make_shared<Call>("an event", [=] { event->seconds = now(); });
    Engine::get().enqueue(handle, currentDevice(), event->op);
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuEventRecordWithFlags(CUevent event, CUstream handle,
                                           unsigned flags) {
  if (!(flags & CU_EVENT_RECORD_EXTERNAL))
    return cuEventRecord(event, handle);
  return guarded("cuEventRecordWithFlags", true, [&]() -> CUresult {
    if (!on(handle)->capture)
      return CUDA_ERROR_INVALID_VALUE;
    Engine::get().enqueue(handle, currentDevice(),
                          std::make_shared<Recorded>(event));
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuEventSynchronize(CUevent event) {
  return guarded("cuEventSynchronize", true, [&] {
    Engine::get().drainEvent(event);
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuEventQuery(CUevent event) {
  return cuEventSynchronize(event);
}
// The time that the simulation took; it says nothing about a GPU.
GPUSIM_API CUresult cuEventElapsedTime_v2(float *ms, CUevent a, CUevent b) {
  if (!a->op || !b->op)
    return CUDA_ERROR_INVALID_HANDLE;
  if (!a->op->done || !b->op->done)
    return CUDA_ERROR_NOT_READY;
  *ms = float((b->seconds - a->seconds) * 1e3);
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuEventElapsedTime(float *ms, CUevent a, CUevent b) {
  return cuEventElapsedTime_v2(ms, a, b);
}

GPUSIM_API CUresult cuStreamBeginCapture_v2(CUstream handle, int) {
  return guarded("cuStreamBeginCapture", true, [&]() -> CUresult {
    CUstream_st *stream = on(handle);
    if (stream->isNull)
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (stream->capture)
      return CUDA_ERROR_ILLEGAL_STATE;
    stream->capture = new CUgraph_st;
    Engine::get().captures.insert(stream->capture);
    stream->origin = stream;
    stream->tail.clear();
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  return guarded("cuStreamEndCapture", true, [&]() -> CUresult {
    *graph = nullptr;
    if (!stream->capture || stream->origin != stream)
      return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
    CUgraph_st *made = stream->capture;
    // All that was forked off has to be joined again.
    std::set<int> joined(stream->tail.begin(), stream->tail.end());
    for (int i = int(made->nodes.size()); --i >= 0;)
      if (joined.count(i))
        joined.insert(made->nodes[size_t(i)].after.begin(),
                      made->nodes[size_t(i)].after.end());
    Engine::get().endCapture(made);
    if (joined.size() != made->nodes.size()) {
      delete made;
      return CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
    }
    *graph = made;
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuStreamIsCapturing(CUstream stream, int *status) {
  return guarded("cuStreamIsCapturing", true, [&] {
    *status = on(stream)->capture ? 1 : 0;
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes,
                                    size_t *count) {
  if (nodes)
    return CUDA_ERROR_NOT_SUPPORTED;
  *count = graph->nodes.size();
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec,
                                                CUgraph graph,
                                                unsigned long long) {
  *exec = new CUgraphExec_st{graph->nodes};
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
  return guarded("cuGraphLaunch", true, [&] {
    Engine::get().enqueue(stream, currentDevice(),
                          Engine::get().graphRun(exec->nodes));
    return CUDA_SUCCESS;
  });
}
GPUSIM_API CUresult cuGraphUpload(CUgraphExec, CUstream) {
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuGraphExecDestroy(CUgraphExec exec) {
  delete exec;
  return CUDA_SUCCESS;
}
GPUSIM_API CUresult cuGraphDestroy(CUgraph graph) {
  delete graph;
  return CUDA_SUCCESS;
}

// By name, as programs do that do not link the driver.
GPUSIM_API CUresult cuGetProcAddress_v2(const char *symbol, void **function,
                                        int, uint64_t, int *status) {
  for (const char *suffix : {"_v4", "_v3", "_v2", ""})
    if (void *found =
            dlsym(RTLD_DEFAULT, (std::string(symbol) + suffix).c_str())) {
      *function = found;
      if (status)
        *status = 0;
      return CUDA_SUCCESS;
    }
  *function = nullptr;
  if (status)
    *status = 1;
  return CUDA_ERROR_NOT_FOUND;
}
