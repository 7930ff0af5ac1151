#include "runtime/support/Interrupt.h"

#include <atomic>
#include <csignal>

namespace pgrt {

static std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);

static void handle(int) { flag.store(true, std::memory_order_relaxed); }

void catchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART | int(SA_RESETHAND);
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
