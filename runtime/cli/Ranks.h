// How a command becomes several ranks: processes that an MPI launcher started,
// or threads of this one.
#pragma once

#include "runtime/collective/Collective.h"
#include "runtime/device/Device.h"

#include <functional>
#include <memory>

namespace pgrt {

/// Runs `body` on each rank: on `devices` threads of this process (1: on this
/// one), or once in each of the launcher's processes. Returns the exit status.
/// Does not return if a launcher started this process and it ends with an
/// error: MPI would wait for the other ranks.
int runOnRanks(int64_t devices, const std::function<void(Collective &)> &body);

/// What moves the memory of these ranks' devices, if that is not `ranks`: null
/// then. Both must outlive it.
std::unique_ptr<Collective> openDeviceCollective(Collective &ranks,
                                                 Device &device);

/// Throws Error (Usage) if a launcher started this process as one of several.
void refuseRanks(const std::string &command);

/// `threads`, or, for 0, this rank's share of the processors.
int64_t threadsOfRank(int64_t threads, const Collective &ranks);

/// The device of this rank: of several, "cuda" gives each a GPU of its machine,
/// in turn.
std::string deviceOfRank(const std::string &device, const Collective &ranks);

/// Throws Error (Input) unless all ranks say the same: `what` is called so in
/// the message, which names a rank that differs.
void checkSame(Collective &ranks, const std::string &what,
               const std::string &mine);

} // namespace pgrt
