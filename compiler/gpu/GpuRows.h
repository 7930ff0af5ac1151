// How the work of a rows kernel falls to the threads of a GPU.
//
// Without sums, and with nothing kept, a kernel is *flat*: each thread computes
// some neighbouring elements, 16 bytes where that is possible. Otherwise a
// *group* of threads shares a row: part of a warp, a warp or several; they add
// up by shuffles, then through shared memory, and keep values of the row there.
// A kernel that sums over rows has a block for each chunk, whose groups take
// its rows in turn; their sums are added in order at the end.
#pragma once

#include "compiler/kernels/RowsPlan.h"
#include "dialects/sched/GpuLaunch.h"

namespace pgc {

struct GpuRowsLayout {
  bool flat = false;
  bool chunked = false;  ///< sums over rows
  int64_t threads = 256; ///< of a block
  int64_t group = 1;     ///< threads of a row: a power of two
  int64_t blocks = 1;
  // Places in shared memory, in bytes: values of each group's row, what groups
  // add up, and the sums over rows of each group.
  int64_t scratch = 0; ///< of one group, from 0
  int64_t exchange = 0;
  llvm::DenseMap<unsigned, int64_t> partials; ///< by result
  bool partialsShared = false; ///< else each block adds in global memory
  int64_t sharedBytes = 0;

  int64_t groups() const { return threads / group; }
  pg::sched::GpuLaunch getLaunch() const;

  /// Emits an error if a row needs more shared memory than there is.
  static mlir::FailureOr<GpuRowsLayout> make(const RowsPlan &plan);
};

/// Elements that a thread computes at once in a nest: a power of two that
/// divides the parts of its innermost loop, of at most 16 bytes of the
/// kernel's most common type; fewer where registers would not suffice.
unsigned getGpuLanes(const RowsPlan &plan, const Nest &nest);

/// Takes nests that need many registers apart.
void fitRegisters(RowsPlan &plan);

/// Registers of 32 bits that the values of the widest nest take, roughly.
int64_t countRegisters(const RowsPlan &plan);

/// So many lanes, or as many as a thread has registers for in this nest.
unsigned getLanesThatFit(const RowsPlan &plan, const Nest &nest,
                         unsigned lanes);

} // namespace pgc
