// What the code generation of attention and of its gradient share.
//
// Scores are held transposed, S^T [keys, lanes]: the lanes are queries, of all
// query heads of a group that are computed together, so that maxima, sums and
// rescaling go across vectors, never along one. A block of queries is `rows`
// positions of `heads` heads; a block of keys is `columns` positions. Masked
// scores are set to -1e30 before the exponential, which gives exactly 0.
#pragma once

#include "compiler/kernels/Tile.h"

namespace pgc {

/// An operand of attention as a kernel receives it.
struct AttentionOperand {
  unsigned index = 0; // argument of the kernel
  mlir::Type element; // as stored
  bool round = false; // the kernel rounds f32 to bf16
};

/// Where a result goes: a buffer, and the type of its elements there.
struct AttentionOutput {
  unsigned buffer;
  mlir::Type element;
};

struct Attention {
  mlir::Operation *op = nullptr;
  mlir::Type operand; // of q, k, v: f32, f64 or bf16
  int64_t batch = 0, positions = 0, queryHeads = 0, keyHeads = 0,
          width = 0;   // B, T, H, K, D
  int64_t queries = 0; // S: those of the last S positions
  llvm::SmallVector<AttentionOperand>
      operands; // in the order of the op's, segment excepted
  std::optional<AttentionOperand> segment;
  llvm::SmallVector<llvm::SmallVector<AttentionOutput>>
      outputs; // of each result

  // How the work is cut.
  int64_t heads = 1;    // query heads computed together
  int64_t rows = 16;    // positions in a block of queries: a multiple of 16
  int64_t columns = 96; // positions in a block of keys: even
  int64_t parts =
      1; // shares of the blocks of queries; only of the forward pass

  int64_t getGroup() const { return queryHeads / keyHeads; }
  int64_t getLanes() const { return heads * rows; }
  int64_t getRowBlocks() const { return llvm::divideCeil(queries, rows); }
  /// The position of the first query.
  int64_t getFirstPosition() const { return positions - queries; }
  /// Pairs of a query and a key that it sees.
  int64_t getPairs() const {
    return queries * (2 * positions - queries + 1) / 2;
  }
  /// Elements between rows of scores: an odd number of cache lines, whose
  /// columns do not compete for places in the cache.
  int64_t getScoreStep() const {
    return getLanes() + (getLanes() % 32 == 0 ? 16 : 0);
  }
  /// Elements between rows of sums [.., D].
  int64_t getSumStep() const { return llvm::alignTo(width, panelColumns); }
};

/// Reads a kernel of one pg.attention or pg.attention_grad; on failure says
/// what is not supported.
mlir::FailureOr<Attention> analyzeAttention(pg::sched::KernelOp kernel,
                                            llvm::StringRef opName);

/// Completes a kernel's attributes; it computes `products` products [T, T, D]
/// (causal: half of each) of each query head.
mlir::LogicalResult setAttentionPlan(pg::sched::KernelOp kernel,
                                     const Attention &attention, int64_t chunks,
                                     int64_t scratch, int64_t products);

/// Hands out places in a thread's scratch memory.
class ScratchLayout {
public:
  /// The byte offset of `count` elements of `bytes` each.
  int64_t take(int64_t count, int64_t bytes) {
    int64_t offset = total;
    total = llvm::alignTo(total + count * bytes, 64);
    return offset;
  }
  int64_t getTotal() const { return total; }

private:
  int64_t total = 0;
};

/// Emits the parts that both kernels consist of.
class AttentionEmitter {
public:
  AttentionEmitter(KernelBuilder &kb, const Attention &attention);

protected:
  mlir::Type sum() { return tile.getSumType(); }
  mlir::Type operand() { return tile.getOperandType(); }
  /// Lanes of a vector, and vectors in 16 lanes.
  unsigned width() { return kb.target.getLanes(sum().getIntOrFloatBitWidth()); }
  unsigned vectors() { return panelColumns / width(); }
  /// n, in elements of the tile's operands along k.
  int64_t grouped(int64_t n) { return llvm::divideCeil(n, tile.getGroup()); }
  mlir::Value grouped(mlir::Value n) {
    return tile.getGroup() == 1 ? n : kb.div(kb.add(n, 1), 2);
  }
  /// Elements between the rows of an A by rows whose k is D.
  int64_t rowStep();

  mlir::Value atByte(int64_t offset) {
    return kb.at(kb.scratch, offset, kb.b.getI8Type());
  }
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value x,
                      mlir::Value y);
  mlir::Value no() { return kb.integer(kb.b.getI1Type(), 0); }

  /// Element (batch, row, head, 0) of a tensor [B, count, heads, D].
  mlir::Value rowOf(mlir::Value base, mlir::Type element, mlir::Value row,
                    mlir::Value head, int64_t headCount, int64_t count);
  /// The same of operand `i` of the op, of query heads or of key heads.
  mlir::Value operandRow(unsigned i, mlir::Value row, mlir::Value head,
                         int64_t headCount);

  /// Sets the query head at which the heads that are computed together begin,
  /// and the block of queries.
  void beginRows(mlir::Value firstHead, mlir::Value firstRow);
  /// Calls `body` for each of the heads: its number among the query heads, and
  /// its first lane.
  void forEachHead(
      llvm::function_ref<void(mlir::Value head, mlir::Value lane)> body);
  /// Calls `body` for each vector of lanes.
  void forEachLanes(llvm::function_ref<void(mlir::Value lane)> body);

  /// Sets scores [keys, lanes] of keys from `firstKey` to -1e30 where a query
  /// does not see a key.
  void maskScores(mlir::Value scores, mlir::Value firstKey, mlir::Value keys);
  /// Copies the segments of the block's rows to scratch.
  void loadSegments(int64_t offset);

  /// exp(x / sqrt(D)) is power(x base()): the power is of 2 in f32, of e in
  /// f64. power(t) is exactly 0 for masked scores, and meant for t up to a
  /// little above 0.
  double base();
  mlir::Value power(mlir::Value t);
  /// Two vectors of values as one of bf16, where one instruction gives that:
  /// null elsewhere.
  mlir::Value roundTwo(mlir::Value low, mlir::Value high);
  /// Two rows of values as pairs of bf16.
  mlir::Value joinPairs(mlir::Value low, mlir::Value high);

  /// Stores sums [rows, D] of scratch, times `factor` (scalar), as a row of a
  /// result.
  void storeRow(mlir::Value from, mlir::Value factor, mlir::Value to,
                mlir::Type element);

  KernelBuilder &kb;
  const Attention &a;
  Tile tile;
  mlir::Value batch, keyHead; // of the chunk
  mlir::Value firstHead, firstRow, firstPosition, rows,
      end; // of the block: `firstRow` counts queries; `end` is one past its
           // last position
  mlir::Value segments; // of the block's rows, i64
};

} // namespace pgc
