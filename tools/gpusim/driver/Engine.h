// Streams, events and graphs of the simulated devices. Work is put off until
// somebody waits for it, and streams run one at a time: what the program does
// not order may come in an order that it did not expect.
#pragma once

#include "tools/gpusim/core/Fault.h"
#include "tools/gpusim/core/Module.h"
#include "tools/gpusim/driver/Abi.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#define GPUSIM_SHARED __attribute__((visibility("default")))

namespace gpusim {

/// A piece of work of a stream. A collective's piece is done when those of all
/// its ranks were offered.
class GPUSIM_SHARED Op {
public:
  virtual ~Op();
  /// Called when all before it is done. Sets `done`, now or later.
  virtual void offer() = 0;
  /// Looks again at an op that was offered and is not done; true if something
  /// moved.
  virtual bool poll() { return false; }
  /// A fresh copy, to be run once more, in a graph.
  virtual std::shared_ptr<Op> again() const = 0;
  bool done = false, offered = false;
  std::string name;
};

/// Work that is done when it was offered.
class GPUSIM_SHARED Call : public Op {
public:
  Call(std::string what, std::function<void()> work);
  void offer() override;
  std::shared_ptr<Op> again() const override;

private:
  std::function<void()> work;
};

struct GraphNode {
  std::shared_ptr<Op> op;
  std::vector<int> after; ///< indices of nodes
};

} // namespace gpusim

struct CUgraph_st {
  std::vector<gpusim::GraphNode> nodes;
};
struct CUgraphExec_st {
  std::vector<gpusim::GraphNode> nodes;
};
struct CUgraphNode_st;

struct CUstream_st {
  int device = 0;
  bool blocking = true; ///< ordered with the null stream
  bool isNull = false;
  std::deque<std::shared_ptr<gpusim::Op>> queue;
  CUgraph_st *capture = nullptr; ///< being recorded
  CUstream_st *origin = nullptr; ///< whose capture it is part of
  std::vector<int> tail;         ///< last nodes recorded
};

struct CUevent_st {
  std::shared_ptr<gpusim::Op> op; ///< null: never recorded
  CUgraph_st *capture = nullptr;
  CUstream_st *origin = nullptr;
  std::vector<int> tail;
  double seconds = 0;
};

namespace gpusim {

class GPUSIM_SHARED Engine {
public:
  static Engine &get();

  /// Puts work onto a stream (null: the null stream of the device), or into
  /// the graph that the stream records.
  void enqueue(CUstream stream, int device, std::shared_ptr<Op> op);
  CUstream_st *resolve(CUstream stream, int device);
  /// Runs until the stream (all streams of the device, everything) is empty.
  /// Throws Fault (Deadlock) if that never comes.
  void drain(CUstream_st *stream);
  void drainDevice(int device);
  void drainEvent(CUevent_st *event);
  void addStream(CUstream_st *stream);
  void removeStream(CUstream_st *stream);
  /// The graph's recording ends for all its streams.
  void endCapture(CUgraph_st *graph);
  /// Records the graph's nodes as one op of a launch.
  std::shared_ptr<Op> graphRun(const std::vector<GraphNode> &nodes);
  /// Collectives call this when an op that was offered became done.
  void changed() { wakeUp.notify_all(); }

  Memory memory;
  Options options;
  std::set<CUgraph_st *> captures; ///< being recorded
  int devices = 1;
  int driverVersion = 13000, capability = 90;
  uint64_t bytesPerDevice = 0;
  bool forgetsGraphEvents = false; ///< a planted fault
  std::mutex mutex;                ///< held in every call
  CUresult sticky = 0;             ///< after a fault every call fails with it
  std::string stickyMessage;

private:
  Engine();
  bool step(CUstream_st *first);
  bool advance(std::deque<std::shared_ptr<Op>> &queue);
  template <typename Empty> void drainUntil(CUstream_st *first, Empty empty);

  std::vector<CUstream_st *> streams;
  std::map<int, CUstream_st *> nullStreams;
  std::condition_variable wakeUp;
  bool newestFirst = false; ///< of the streams, whichever is waited for
  double timeout = 60;      ///< seconds to wait for another thread's work
};

/// The device of the calling thread's current context; −1 if there is none.
GPUSIM_SHARED int currentDevice();

/// Runs a call's body under the lock; faults become results and are printed.
GPUSIM_SHARED CUresult guarded(const char *call, bool needsContext,
                               const std::function<CUresult()> &body);

} // namespace gpusim
