// Walks the programs of a checked plan on a device.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/executor/Profile.h"
#include "runtime/plan/plan.pb.h"
#include "runtime/schedule/Accesses.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace pgrt {

class Executor {
public:
  /// The plan must have passed checkPlan; it and the device must outlive this.
  /// Loads the code. Arenas are allocated, and their constants written, when a
  /// program or a slot first needs them.
  Executor(const plan::Plan &plan, Device &device);

  /// Allocates what `program` touches, so that running it does not pay for it,
  /// and what is not there is missed early.
  void allocateFor(const plan::Program &program);

  /// Gives back all arenas but these. What they held is lost.
  void releaseAllBut(const std::set<int> &arenas);

  /// Points an arena (or an alias) at one of its instances. Instance 0 at the
  /// start.
  void bind(int arena, int instance);

  /// The address of a slot under the present binding. Allocates its arena if
  /// need be: not from a thread of the device then.
  void *address(const plan::Slot &slot) const {
    return address({int(slot.arena()), slot.offset(), 0});
  }
  void *address(const Extent &extent) const {
    if (!bases[size_t(extent.arena)])
      const_cast<Executor *>(this)->allocate({extent.arena});
    return static_cast<char *>(bases[size_t(extent.arena)]) + extent.begin;
  }
  /// In an instance of its arena, which need not be the bound one.
  void *address(const Extent &extent, int instance);

  /// Runs all commands of one program. `scalars`: of evaluateScalars.
  void run(const plan::Program &program, const std::vector<double> &scalars);

  /// A signal that a program gives (Device::signal) after the command of that
  /// index, for that memory.
  struct Signal {
    int number;
    int after;
    std::vector<Extent> memory;
  };
  /// From now on, running `program` gives these signals.
  void signalWithin(const plan::Program &program, std::vector<Signal> signals);

  /// To be called for programs that are not the plan's, before they go:
  /// another one may come to lie where they lay.
  void forget(const plan::Program &program);

  /// Zeroes what the arena is bound to.
  void clearArena(int arena);

  /// A scalar output, F32 or F64, as double.
  double readScalar(const plan::Port &port) const;

  /// Copies an input of 64-bit integers, or writes an output as it lies in
  /// memory.
  void writePort(const plan::Port &port, const int64_t *values);

  Device &device() const { return dev; }
  const plan::Plan &plan() const { return thePlan; }

  /// If set, every command is timed.
  void setProfile(Profile *to) { profile = to; }

private:
  void allocate(const std::set<int> &arenas);
  void issue(const plan::Program &program, int begin, int end,
             const std::vector<double> &scalars);
  void replay(const plan::Program &program, int begin, int end,
              const std::vector<double> &scalars);
  void dropRecordings(const plan::Program &program);
  void give(const Signal &signal);

  const plan::Plan &thePlan;
  Device &dev;
  std::vector<std::vector<void *>>
      instances;             // of each arena; of an alias: those of its arena
  std::vector<void *> bases; // what each arena is bound to; null: not there
  std::map<const plan::Program *, std::set<int>>
      ready; // the arenas that they touch, which are there
  std::map<const plan::Program *, std::vector<Signal>> signals;
  /// Of a device that records: by the first command, and what the arenas that
  /// the program touches are bound to.
  std::map<std::pair<const plan::Command *, std::vector<void *>>,
           std::unique_ptr<Recording>>
      recordings;
  std::vector<void *> buffers;   // of the launch under way
  std::vector<double> arguments; // its scalars
  Profile *profile = nullptr;
};

} // namespace pgrt
