// The instructions that kernels for tensor cores are made of: shared memory,
// mbarriers, bulk tensor copies and wgmma (PTX ISA 8.8, sections
// "Asynchronous Warpgroup Level Matrix Instructions", "mbarrier" and
// "cp.async.bulk.tensor").
//
// Tiles of bf16 lie in shared memory in *slabs*: rows of 64 elements, 128
// bytes, a multiple of 8 of them, beginning at a multiple of 1024 bytes; the
// 16-byte pieces of row r are exchanged as the 128-byte swizzle does (piece p
// lies at p ^ (r % 8)). A slab is read as an operand of wgmma in either way:
// the rows' elements along k, or along the other axis.
#pragma once

#include "compiler/kernels/KernelBuilder.h"

namespace pgc {

/// Bytes of a row of a slab, and elements in it.
constexpr int64_t slabRowBytes = 128, slabColumns = 64;

/// Along which axis a slab's rows lie.
enum class SlabAxis {
  K,    ///< a row holds 64 elements of k
  Other ///< a row holds 64 elements of m or n, all of one k
};

/// One multiplication of 16 along k.
struct WgmmaStep {
  mlir::Value a;                                // descriptor (i64), or null
  llvm::SmallVector<mlir::Value, 4> aFragments; // four i32 (pairs of bf16)
  mlir::Value b;                                // descriptor
};

/// Keeps the loop that was emitted last as it is: unrolled, a thread's
/// registers would not do.
void keepRolled(KernelBuilder &kb);

/// Emits these instructions. Numbers are i64, as everywhere in KernelBuilder.
class TensorCore {
public:
  explicit TensorCore(KernelBuilder &kb) : kb(kb) {}

  //===--------------------------------------------------------------------===//
  // Threads
  //===--------------------------------------------------------------------===//

  /// Shares a block's registers out between a warpgroup that fetches, by its
  /// threads or by bulk copies, and two that multiply: each says which it is.
  void takeRegisters(bool fetches, bool byThreads);
  /// The value of lane `lane` (i64).
  mlir::Value shuffle(mlir::Value value, mlir::Value lane);
  /// Over neighbouring `lanes` (a power of 2) of the warp; all get it.
  mlir::Value sumOfLanes(mlir::Value value, unsigned lanes = 32);
  mlir::Value maximumOfLanes(mlir::Value value, unsigned lanes = 32);

  //===--------------------------------------------------------------------===//
  // Shared memory
  //===--------------------------------------------------------------------===//

  /// The byte at `offset` of the block's dynamic shared memory, which begins
  /// at a multiple of 1024.
  mlir::Value shared(mlir::Value offset);
  mlir::Value shared(int64_t offset) { return shared(kb.index(offset)); }
  /// Four i32 as 16 bytes.
  void storePiece(llvm::ArrayRef<mlir::Value> words, mlir::Value address);
  /// Makes what this thread wrote to shared memory visible to wgmma and bulk
  /// copies. A barrier has to follow.
  void fenceAsync();

  //===--------------------------------------------------------------------===//
  // mbarriers: 8 bytes of shared memory each
  //===--------------------------------------------------------------------===//

  void initBarrier(mlir::Value address, unsigned arrivals);
  void fenceBarriers(); // after their initialisation, before barrier()
  void arrive(mlir::Value address);
  void arriveExpecting(mlir::Value address, int64_t bytes);
  /// Waits for the phase of this parity (i64, 0 or 1) to complete.
  void wait(mlir::Value address, mlir::Value parity);

  //===--------------------------------------------------------------------===//
  // Bulk tensor copies
  //===--------------------------------------------------------------------===//

  /// Copies the box at `coordinates` (innermost first) to `to`; the bytes count
  /// at `barrier`.
  void copyBox(mlir::Value map, llvm::ArrayRef<mlir::Value> coordinates,
               mlir::Value to, mlir::Value barrier);

  //===--------------------------------------------------------------------===//
  // wgmma
  //===--------------------------------------------------------------------===//

  /// The descriptor of what begins at `address`, in the first row of the
  /// swizzle's pattern; slabs next to each other (axis Other) are `slabBytes`
  /// apart.
  mlir::Value descriptor(mlir::Value address, int64_t slabBytes = 0);
  /// The descriptor of what lies `bytes` further (a multiple of 16).
  mlir::Value advance(mlir::Value descriptor, int64_t bytes);
  /// How far the next 16 of k are from the first, in bytes.
  static int64_t stepBytes(SlabAxis axis) {
    return axis == SlabAxis::K ? 32 : 16 * slabRowBytes;
  }

  /// Multiplies [64, 16] by [16, n] in every step and adds to `sums` (n / 2 f32
  /// a thread; none: starts at zero), as one group. The result may be used
  /// after `finish`.
  llvm::SmallVector<mlir::Value> multiply(unsigned n, mlir::ValueRange sums,
                                          llvm::ArrayRef<WgmmaStep> steps,
                                          SlabAxis a, SlabAxis b);
  /// Waits until at most `open` of the last groups are still in flight, and
  /// returns `values`, which those that are done computed.
  llvm::SmallVector<mlir::Value> finish(unsigned open, mlir::ValueRange values);

  /// Two f32 as a pair of bf16 (i32), the first in the lower half.
  mlir::Value pack(mlir::Value low, mlir::Value high);
  /// 2^x, approximately (ex2.approx: 2 units in the last place); 0 for -inf.
  mlir::Value power2(mlir::Value x);

private:
  mlir::Value i32(mlir::Value x);
  llvm::SmallVector<mlir::Value> assemble(llvm::StringRef text,
                                          llvm::StringRef constraints,
                                          mlir::ValueRange operands,
                                          llvm::ArrayRef<mlir::Type> results,
                                          bool hasEffects = true);

  KernelBuilder &kb;
};

} // namespace pgc
