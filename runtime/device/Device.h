// What the executor needs from a device. Drivers: device/cpu, device/cuda.
// Everything happens in order, as if each call waited for the one before it;
// addresses are the device's.
#pragma once

#include "runtime/plan/plan.pb.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace pgrt {

/// `elements` numbers that lie at each of several places are added, and the sum
/// goes to `to`, which may be one of the places. The later are added to the
/// earlier, as by GradientTree: ((0+1)+(2+3))+…. What lies at the places may
/// change.
struct TreeSum {
  void *to;
  std::vector<void *> from;
  int64_t elements;
  plan::Type type; // F32 or F64
};

/// Numbers [begin, end) of it, on the host.
void sumNumbers(const TreeSum &sum, int64_t begin, int64_t end);

/// Bytes of the device's memory.
struct MemoryPiece {
  void *address;
  int64_t bytes;
};

/// Launches, copies, fills and signals that a device took down, to be run many
/// times.
class Recording {
public:
  virtual ~Recording() = default;

  /// `scalars`: those of its launches, one launch's after another's, in the
  /// order in which they were recorded.
  virtual void run(const std::vector<double> &scalars) = 0;
};

class Device {
public:
  virtual ~Device() = default;

  /// One line for people: "8 threads of Xeon …, AVX-512".
  virtual std::string description() const = 0;

  /// Memory of these sizes, zero and resident, 64-byte aligned, each readable
  /// 64 bytes past its end. Lives as long as the device, or until release.
  /// Throws Error (Machine) when there is not enough.
  virtual std::vector<void *> allocate(const std::vector<int64_t> &bytes) = 0;

  /// Gives back memory that allocate returned, if the device can.
  virtual void release(const std::vector<void *> &addresses) {}

  /// Takes the best of the plan's code sections that this device can run, and
  /// finds every kernel in it. Throws Error if there is none, if it is damaged,
  /// or if a kernel is missing. Launches refer to Plan.kernels by index.
  virtual void loadCode(const plan::Plan &plan) = 0;

  /// `scalars`: as many values as the kernel takes, on the host; read before
  /// the call returns.
  virtual void launch(uint32_t kernel, void *const *buffers,
                      const double *scalars) = 0;
  virtual void copy(void *to, const void *from, int64_t bytes) = 0;
  virtual void fill(void *to, uint32_t pattern, int64_t bytes) = 0;

  /// Sums of what lies apart, each addition rounded as "combine" rounds its
  /// own.
  virtual void sum(std::span<const TreeSum> sums);

  /// Whether it gains by `record`.
  virtual bool records() const { return false; }

  /// Takes down the launches, copies, fills and signals that `issue` asks for,
  /// instead of doing them. The addresses, and the memory behind them, have to
  /// stay for as long as the recording, which must not outlive the device.
  virtual std::unique_ptr<Recording>
  record(const std::function<void()> &issue) {
    return nullptr;
  }

  /// Whether it gains by `beside`.
  virtual bool runsBeside() const { return false; }

  /// A signal, by its number: given when all that was asked for before and
  /// touches this memory is done.
  virtual void signal(int number, std::span<const MemoryPiece> memory) {}

  /// The sums, and a collective's exchanges, that `issue` asks for come after
  /// what was asked for beside before, and after the signal, as it was given
  /// last; but side by side with all else that was asked for. They must not
  /// touch what that touches.
  virtual void beside(int signal, const std::function<void()> &issue) {
    issue();
  }

  /// What is asked for from now on comes after all that was asked for beside.
  virtual void join() {}

  /// Waits for all that was asked for, so that it can be timed: devices may
  /// only seem to be done. Faults of kernels show here at the latest.
  virtual void wait() {}

  /// Between the host's memory and the device's. From any thread.
  virtual void read(void *host, const void *device, int64_t bytes) = 0;
  virtual void write(void *device, const void *host, int64_t bytes) = 0;

  /// The same memory as the host sees it; null if the host cannot.
  virtual void *hostView(void *device) = 0;

  /// Runs body(index) for each index in [0, count) on the host's threads, in
  /// any order, and waits for all.
  virtual void onHostThreads(int64_t count,
                             const std::function<void(int64_t)> &body) = 0;

  /// The rate of fused multiply-adds in FLOP/s that this device can reach with
  /// these numerics: measured in about 20 ms. 0: not known.
  virtual double measurePeak(const std::string &numerics) = 0;
};

} // namespace pgrt
