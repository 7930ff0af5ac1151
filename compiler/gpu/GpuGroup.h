// How blocks of a launch that is made of parts (GpuLaunch::parts) fall to them.
#pragma once

#include "dialects/sched/GpuLaunch.h"

namespace pgc {

/// A part of a launch of blocks of so many threads.
struct GroupPart {
  pg::sched::GpuLaunch launch; ///< how the part would be launched alone
  int64_t together = 1;        ///< blocks of the part that one block takes

  GroupPart(pg::sched::GpuLaunch alone, int64_t threads);

  /// Blocks of the part, as it would be launched alone.
  int64_t own() const;
  /// Blocks of the whole launch that it takes.
  int64_t blocks() const;
  /// Shared memory of each of its blocks, and of a block of the launch.
  int64_t ownShared() const;
  int64_t sharedBytes() const { return together * ownShared(); }

  /// Whether a block of so many threads can do the work of blocks of this
  /// launch.
  static bool fits(const pg::sched::GpuLaunch &alone, int64_t threads);
};

/// Launches of these, one behind the other, as one. Null if their blocks do not
/// fit together.
std::optional<pg::sched::GpuLaunch>
groupLaunches(llvm::ArrayRef<pg::sched::KernelOp> kernels);

/// Adds, behind the last of them, the kernel that does the work of these, whose
/// launches can be grouped. Its operands are theirs in turn, its results and
/// step values likewise.
pg::sched::KernelOp makeGroup(llvm::ArrayRef<pg::sched::KernelOp> kernels,
                              llvm::StringRef name);

} // namespace pgc
