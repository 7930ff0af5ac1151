#include "runtime/support/Interrupt.h"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace pgrt {

static std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);

// Milliseconds of the first signal; 0: none yet.
static std::atomic<int64_t> firstAt{0};
static_assert(std::atomic<int64_t>::is_always_lock_free);

// A second signal ends the process, but not one that comes with the first:
// timeout(1) and launchers send it to the process and to its group.
static void handle(int signal) {
  constexpr int64_t together = 500;
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t at = int64_t(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
  int64_t first = 0;
  if (!firstAt.compare_exchange_strong(first, at) && at - first > together) {
    std::signal(signal, SIG_DFL);
    std::raise(signal); // when this handler returns
  }
  flag.store(true, std::memory_order_relaxed);
}

void catchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return flag.load(std::memory_order_relaxed); }
void throwIfInterrupted() {
  if (interrupted())
    throw Stopped();
}
void setInterrupted(bool value) {
  flag.store(value, std::memory_order_relaxed);
}

} // namespace pgrt
