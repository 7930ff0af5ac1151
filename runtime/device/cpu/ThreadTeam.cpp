#include "runtime/device/cpu/ThreadTeam.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace pgrt {

static void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

static void flushDenormals() {
#if defined(__x86_64__)
  _mm_setcsr(_mm_getcsr() | 0x8040); // flush to zero, denormals are zero
#endif
}

// Between two kernels there is rarely more than this; beyond it, sleeping costs less than it disturbs others.
static constexpr int spins = 4000;

// Waits until `value` is no longer `old`.
static void awaitChange(const std::atomic<int32_t> &value, int32_t old) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old)
      return;
    relax();
  }
  while (value.load(std::memory_order_acquire) == old)
    value.wait(old, std::memory_order_acquire);
}

ThreadTeam::ThreadTeam(int threads) {
  flushDenormals();
  workers.reserve(size_t(threads - 1));
  for (int i = 1; i < threads; ++i)
    workers.emplace_back([this, i] { workerLoop(i); });
}

ThreadTeam::~ThreadTeam() {
  stopping = true;
  round.fetch_add(1, std::memory_order_release);
  round.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

void ThreadTeam::takeChunks(int thread) {
  for (;;) {
    int64_t chunk = nextChunk.fetch_add(1, std::memory_order_relaxed);
    if (chunk >= chunks)
      return;
    body(context, chunk, thread);
  }
}

void ThreadTeam::workerLoop(int thread) {
  flushDenormals();
  int32_t seen = 0;
  for (;;) {
    awaitChange(round, seen);
    ++seen; // the owner waits for all workers in each round, so none is missed
    if (stopping)
      return;
    takeChunks(thread);
    if (busy.fetch_sub(1, std::memory_order_acq_rel) == 1)
      busy.notify_one();
  }
}

void ThreadTeam::run(int64_t count, Body function, void *data) {
  if (count <= 1 || workers.empty()) {
    for (int64_t chunk = 0; chunk < count; ++chunk)
      function(data, chunk, 0);
    return;
  }
  body = function;
  context = data;
  chunks = count;
  nextChunk.store(0, std::memory_order_relaxed);
  busy.store(int32_t(workers.size()), std::memory_order_relaxed);
  round.fetch_add(1, std::memory_order_release);
  round.notify_all();
  takeChunks(0);
  for (int32_t left; (left = busy.load(std::memory_order_acquire)) != 0;)
    awaitChange(busy, left);
}

} // namespace pgrt
