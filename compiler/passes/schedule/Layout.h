// Where things lie in memory: alignment, padding, and the names of arenas.
#pragma once

#include "dialects/sched/Sched.h"
#include "mlir/IR/BuiltinOps.h"

namespace pgc {

/// Buffers start at multiples of this many bytes.
inline constexpr int64_t bufferAlignment = 64;
/// Kernels may read so many bytes past a buffer; every arena ends with as many.
inline constexpr int64_t arenaPadding = 64;

inline int64_t alignBuffer(int64_t bytes) {
  return llvm::alignTo(bytes, bufferAlignment);
}

/// The arena of a variable's space: "parameter" lies in "parameters".
llvm::StringRef arenaOfSpace(llvm::StringRef space);

/// Finds the arena `name` of the module, or makes it at the end of those that
/// are there.
pg::sched::ArenaOp getOrCreateArena(mlir::ModuleOp module,
                                    llvm::StringRef name);

/// Makes the arena at least so large that `bytes` fit, with padding.
void growArena(pg::sched::ArenaOp arena, int64_t bytes);

/// Takes the next `bytes` of an arena, aligned, and grows it.
pg::sched::BufAttr allocateInArena(mlir::ModuleOp module, llvm::StringRef name,
                                   int64_t bytes);

} // namespace pgc
