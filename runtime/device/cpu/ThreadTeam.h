// A fixed team of threads for short parallel loops: a shared counter of chunks,
// and a wait for the last of them. Waiting threads spin for some microseconds,
// then sleep. A thread that the system keeps from running delays a loop only if
// it holds a chunk.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <type_traits>
#include <vector>

namespace pgrt {

class ThreadTeam {
public:
  /// `threads` ≥ 1, the calling thread included. All of them flush denormal
  /// numbers to zero, so that results do not depend on which thread takes a
  /// chunk.
  explicit ThreadTeam(int threads);
  ThreadTeam(const ThreadTeam &) = delete;
  ThreadTeam &operator=(const ThreadTeam &) = delete;
  ~ThreadTeam();

  int size() const { return int(workers.size()) + 1; }

  using Body = void (*)(void *context, int64_t chunk, int thread);

  /// Calls body(context, chunk, thread) once for every chunk in [0, chunks);
  /// thread is in [0, size()). Returns when all are done; chunks < 2³¹. Not
  /// reentrant; only from the thread that made the team. `body` must not throw.
  void run(int64_t chunks, Body body, void *context);

  /// The same for anything callable as body(chunk, thread).
  template <typename Callable> void run(int64_t chunks, Callable &&body) {
    auto trampoline = [](void *context, int64_t chunk, int thread) {
      (*static_cast<std::remove_reference_t<Callable> *>(context))(chunk,
                                                                   thread);
    };
    run(chunks, trampoline, &body);
  }

  /// The same for a body that may throw: rethrows one of the exceptions, when
  /// all chunks were tried.
  void runOrThrow(int64_t chunks, const std::function<void(int64_t)> &body);

private:
  void workerLoop();
  void takeChunks(int thread);

  std::vector<std::thread> workers;

  // The loop under way. Written by the owner while nobody holds a chunk, read
  // only by who holds one.
  Body body = nullptr;
  void *context = nullptr;
  int64_t chunks = 0;

  // Number of the loop (upper half) and of its chunks that nobody has taken yet
  // (lower half). The number keeps a thread that was suspended from taking a
  // chunk of a later loop by an old value.
  alignas(64) std::atomic<uint64_t> untaken{0};
  alignas(64) std::atomic<int32_t> finished{0}; // chunks of this loop
  alignas(64) std::atomic<int32_t> round{
      0}; // raised for each loop, to wake sleepers
  std::atomic<int32_t> nextThread{1};
  std::atomic<bool> stopping{false};
};

} // namespace pgrt
