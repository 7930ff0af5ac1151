// How a product is cut for a GPU: tiles on tensor cores where operands are
// bf16, else tiles of multiply-adds.
#pragma once

#include "compiler/kernels/Product.h"
#include "dialects/sched/GpuLaunch.h"

namespace pgc {

/// A product on tensor cores: a block computes [128, columns] of the result
/// with two warpgroups, while a third one fetches what they multiply next.
struct TensorProduct {
  static constexpr int64_t rows = 128, depth = 64; // depth: of a stage
  static constexpr int64_t warpgroup = 128,
                           consumers = 2; // of 64 rows each
  int64_t columns = 64;                   // 64, 128 or 256
  int64_t stages = 4;                     // a power of 2
  int64_t rowBlocks = 1, columnBlocks = 1;
  bool bulkA = false, bulkB = false; // fetched by bulk tensor copies

  int64_t getABytes() const { return rows * depth * 2; }
  int64_t getBBytes() const { return columns * depth * 2; }
  int64_t getStageBytes() const { return getABytes() + getBBytes(); }
  /// Tiles, then the barriers of full and of empty stages.
  int64_t getBarrierOffset() const { return stages * getStageBytes(); }
  int64_t getSharedBytes() const { return getBarrierOffset() + stages * 16; }
  int64_t getThreads() const { return (1 + consumers) * warpgroup; }
};

/// How an operand lies in memory: its matrices' contiguous axis first.
struct OperandLayout {
  bool rowsAlongK = true; // the contiguous axis is k
  int64_t inner = 1, outer = 1;
  /// Axes of the batch along which it has a stride, last first: how many
  /// matrices of the batch one step takes, how many there are, and the
  /// distance in elements.
  struct Axis {
    int64_t divisor, size, stride;
  };
  llvm::SmallVector<Axis> axes;
};
OperandLayout getLayoutA(const Product &product);
OperandLayout getLayoutB(const Product &product);

TensorProduct chooseTensorProduct(const Product &product);
/// The kernel's launch, with its tensor maps: of A, then of B, where they are
/// fetched by bulk copies.
pg::sched::GpuLaunch getTensorLaunch(const Product &product,
                                     const TensorProduct &plan);

/// Emits the kernel's body.
void emitTensorProduct(KernelBuilder &kb, pg::sched::KernelOp kernel,
                       const Product &product, const TensorProduct &plan);

/// A product by multiply-adds: a block computes [64, 64] of the result, a
/// thread 4 by 4.
struct PlainProduct {
  static constexpr int64_t tile = 64, depth = 16, threads = 256, each = 4;
};
pg::sched::GpuLaunch getPlainLaunch(const Product &product);
void emitPlainProduct(KernelBuilder &kb, pg::sched::KernelOp kernel,
                      const Product &product);

} // namespace pgc
