// How attention is cut for a GPU: blocks of queries and keys on tensor cores
// where operands are bf16, else a warp for each row of a result.
#pragma once

#include "compiler/gpu/SlabCopy.h"
#include "compiler/kernels/Attention.h"
#include "dialects/sched/GpuLaunch.h"

namespace pgc {

/// Attention by multiply-adds, a warp for each row of a result: of any type,
/// width and mask. The gradient's warps are those of dq, then those of dk and
/// dv; each computes what it needs from the operands, so that nothing is added
/// by two of them.
struct PlainAttention {
  static constexpr int64_t threads = 256, warps = threads / 32;
};
pg::sched::GpuLaunch getPlainLaunch(const Attention &attention, bool gradient);
void emitPlainAttention(KernelBuilder &kb, const Attention &attention);
void emitPlainAttentionGrad(KernelBuilder &kb, const Attention &attention);

/// Whether the operands are multiplied on tensor cores: bf16, up to a width at
/// which a thread's registers hold the sums.
bool usesTensorCores(const Attention &attention);

/// Attention on tensor cores: a block computes 128 queries of a head with two
/// warpgroups, while a third one fetches blocks of keys and values.
struct TensorAttention {
  static constexpr int64_t rows = 128, keys = 128, stages = 2;
};
pg::sched::GpuLaunch getTensorLaunch(const Attention &attention);
void emitTensorAttention(KernelBuilder &kb, const Attention &attention);

/// The gradient on tensor cores. Blocks for dk and dv own 128 keys of a key
/// head and go through the queries that see them, blocks for dq own 128 queries
/// of a head and go through keys: weights are computed twice, and nothing is
/// added by two blocks.
struct TensorAttentionGrad {
  static constexpr int64_t rows = 128, stages = 2;
  /// Rows that are multiplied with a block's at a time.
  static int64_t getStep(const Attention &a) { return a.width <= 64 ? 64 : 32; }
};
pg::sched::GpuLaunch getTensorGradLaunch(const Attention &attention);
void emitTensorAttentionGrad(KernelBuilder &kb, const Attention &attention);

//===----------------------------------------------------------------------===//
// What both kernels on tensor cores consist of
//===----------------------------------------------------------------------===//

/// Hands out the block's shared memory.
class SharedLayout {
public:
  int64_t take(int64_t bytes, int64_t alignment = 1024) {
    int64_t offset = llvm::alignTo(total, alignment);
    total = offset + bytes;
    return offset;
  }
  int64_t getTotal() const { return total; }

private:
  int64_t total = 0;
};

/// A tile of an operand [B, rows, heads, D] in shared memory: ⌈D / 64⌉ slabs.
/// Its rows are a multiple of those of a bulk copy.
struct AttentionTile {
  unsigned operand;
  mlir::Value head, firstRow;
  int64_t rows;
  mlir::Value to;
};

class TensorAttentionEmitter {
public:
  static constexpr int64_t warpgroup = 128, consumers = 2;

  /// `boxRows`: rows that a bulk copy fetches, as `getMap` was told.
  TensorAttentionEmitter(KernelBuilder &kb, const Attention &attention,
                         int64_t boxRows);

  /// Slabs of a tile.
  static int64_t getSlabs(const Attention &a) {
    return llvm::divideCeil(a.width, slabColumns);
  }
  /// Whether bulk copies fetch the operand.
  static bool isBulk(const Attention &a, unsigned operand);
  static pg::sched::TensorMap getMap(const Attention &a, unsigned operand,
                                     int64_t boxRows);
  /// The launch of so many blocks, with the tensor maps.
  static pg::sched::GpuLaunch getLaunch(const Attention &a, int64_t blocks,
                                        int64_t sharedBytes, int64_t boxRows);

protected:
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value x,
                      mlir::Value y);
  mlir::Value less(mlir::Value x, mlir::Value y) {
    return compare(mlir::arith::CmpIPredicate::slt, x, y);
  }
  mlir::Value choose(mlir::Value condition, mlir::Value x, mlir::Value y);
  mlir::Value f32(double x) { return kb.constant(kb.b.getF32Type(), x); }

  /// Fetches tiles; `barrier` then has one arrival of each of the warpgroup's
  /// threads, all of which call this.
  void fetch(llvm::ArrayRef<AttentionTile> tiles, mlir::Value barrier);

  /// Whether threads copy some of the tiles.
  bool fetchesByThreads() const;

  /// Steps of a product of 64 rows of the tile `a` with `n` rows of the tile
  /// `b`, along D; tiles of `aRows` and `bRows` rows.
  llvm::SmallVector<WgmmaStep> alongWidth(mlir::Value a, int64_t aRows,
                                          mlir::Value b, int64_t bRows);
  /// Steps of a product of weights, [64, rows] as `multiply` left them, rounded
  /// to bf16, with the `rows` rows of a tile.
  llvm::SmallVector<WgmmaStep> alongRows(llvm::ArrayRef<mlir::Value> weights,
                                         mlir::Value b, int64_t rows);
  /// Columns of a product whose columns are D.
  unsigned getWidth() const { return llvm::alignTo(a.width, 8); }

  /// The thread's first row and first column in [64, n] of sums: element 4 j +
  /// 2 h + e is at row + 8 h, column + 8 j + e.
  mlir::Value rowOfThread() {
    return kb.add(kb.mul(kb.div(thread, 32), 16),
                  kb.div(kb.rem(thread, 32), 4));
  }
  mlir::Value columnOfThread() { return kb.mul(kb.rem(thread, 4), 2); }

  /// Stores the thread's sums [64, D] times `factors` (of its two rows), rows
  /// from `firstRow` of [B, count, heads, D].
  void storeRows(llvm::ArrayRef<mlir::Value> sums,
                 llvm::ArrayRef<mlir::Value> factors, mlir::Value firstRow,
                 int64_t count, mlir::Value head, int64_t heads,
                 llvm::ArrayRef<AttentionOutput> outputs);

  /// The exponent's factor: exp(x scale) = 2^(x base).
  double scale() const;
  double base() const;

  KernelBuilder &kb;
  const Attention &a;
  TensorCore tc;
  int64_t boxRows;
  llvm::SmallVector<mlir::Value> maps; // of operands; null: none
  mlir::Value thread;                  // of the warpgroup
  mlir::Value group;                   // the warpgroup; the first one fetches
  mlir::Value batch;
};

} // namespace pgc
