// A fixed team of threads for short parallel loops: fork, a shared counter of chunks, join. Waiting threads spin for some
// microseconds, then sleep.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace pgrt {

class ThreadTeam {
public:
  /// `threads` ≥ 1, the calling thread included. All of them flush denormal numbers to zero, so that results do not depend
  /// on which thread takes a chunk.
  explicit ThreadTeam(int threads);
  ThreadTeam(const ThreadTeam &) = delete;
  ThreadTeam &operator=(const ThreadTeam &) = delete;
  ~ThreadTeam();

  int size() const { return int(workers.size()) + 1; }

  using Body = void (*)(void *context, int64_t chunk, int thread);

  /// Calls body(context, chunk, thread) once for every chunk in [0, chunks); thread is in [0, size()). Returns when all are
  /// done. Not reentrant; only from the thread that made the team. `body` must not throw.
  void run(int64_t chunks, Body body, void *context);

  /// The same for anything callable as body(chunk, thread).
  template <typename Callable> void run(int64_t chunks, Callable &&body) {
    auto trampoline = [](void *context, int64_t chunk, int thread) {
      (*static_cast<std::remove_reference_t<Callable> *>(context))(chunk, thread);
    };
    run(chunks, trampoline, &body);
  }

private:
  void workerLoop(int thread);
  void takeChunks(int thread);

  std::vector<std::thread> workers;

  // Written by the owner before `round` is raised, read by workers after they saw it.
  Body body = nullptr;
  void *context = nullptr;
  int64_t chunks = 0;
  bool stopping = false;

  alignas(64) std::atomic<int64_t> nextChunk{0};
  alignas(64) std::atomic<int32_t> round{0};
  alignas(64) std::atomic<int32_t> busy{0};
};

} // namespace pgrt
