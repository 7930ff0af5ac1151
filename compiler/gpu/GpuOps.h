// What kernels on a GPU do that those on a CPU don't: shared memory, barriers,
// exchange between the threads of a warp.
#pragma once

#include "compiler/kernels/KernelBuilder.h"

namespace pgc::gpu {

inline constexpr int64_t warpThreads = 32;
/// Dynamic shared memory that a block can have on sm_90.
inline constexpr int64_t maxSharedBytes = 227 * 1024;

/// The start of the block's dynamic shared memory, ptr<3>, aligned to 1024
/// bytes.
mlir::Value getShared(KernelBuilder &k);

/// Waits for all threads of the block; what they wrote before can be read
/// after.
void synchronize(KernelBuilder &k);
/// The same for the threads of a warp.
void synchronizeWarp(KernelBuilder &k);

/// The value (i1, i32, i64, f32 or f64) of the thread of the warp whose number
/// differs in the bits of `mask`. All threads of the warp must take part.
mlir::Value shuffleXor(KernelBuilder &k, mlir::Value value, int64_t mask);

/// One bit for each thread of the warp: its `predicate` (i1); i32.
mlir::Value ballot(KernelBuilder &k, mlir::Value predicate);

} // namespace pgc::gpu
