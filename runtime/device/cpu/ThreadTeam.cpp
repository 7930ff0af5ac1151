#include "runtime/device/cpu/ThreadTeam.h"

#include <exception>
#include <mutex>

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

// Between two kernels there is rarely more than this; beyond it, sleeping costs
// less than it disturbs others.
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
    workers.emplace_back([this] { workerLoop(); });
}

ThreadTeam::~ThreadTeam() {
  stopping.store(true, std::memory_order_relaxed);
  round.fetch_add(1, std::memory_order_release);
  round.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

void ThreadTeam::takeChunks(int thread) {
  uint64_t seen = untaken.load(std::memory_order_relaxed);
  while (uint32_t(seen) != 0) {
    if (!untaken.compare_exchange_weak(seen, seen - 1,
                                       std::memory_order_acquire,
                                       std::memory_order_relaxed))
      continue;
    int64_t all = chunks;
    body(context, all - int64_t(uint32_t(seen)), thread);
    // From here on the owner may start another loop: nothing of this one may be
    // read.
    if (finished.fetch_add(1, std::memory_order_acq_rel) + 1 == all)
      finished.notify_one();
    seen = untaken.load(std::memory_order_relaxed);
  }
}

void ThreadTeam::workerLoop() {
  flushDenormals();
  const int thread = nextThread.fetch_add(1, std::memory_order_relaxed);
  int32_t seen = 0;
  for (;;) {
    awaitChange(round, seen);
    seen = round.load(std::memory_order_acquire);
    if (stopping.load(std::memory_order_relaxed))
      return;
    takeChunks(thread);
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
  finished.store(0, std::memory_order_relaxed);
  uint64_t number = (untaken.load(std::memory_order_relaxed) >> 32) + 1;
  untaken.store(number << 32 | uint64_t(count), std::memory_order_release);
  round.fetch_add(1, std::memory_order_release);
  round.notify_all();
  takeChunks(0);
  for (int32_t done;
       (done = finished.load(std::memory_order_acquire)) != int32_t(count);)
    awaitChange(finished, done);
}

void ThreadTeam::runOrThrow(int64_t chunks,
                            const std::function<void(int64_t)> &body) {
  std::mutex mutex;
  std::exception_ptr failure;
  run(chunks, [&](int64_t chunk, int) {
    try {
      body(chunk);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex);
      if (!failure)
        failure = std::current_exception();
    }
  });
  if (failure)
    std::rethrow_exception(failure);
}

} // namespace pgrt
