// What the parts of a product kernel's code generation share: the product as
// sizes and forms, and how it falls into chunks.
#pragma once

#include "compiler/kernels/Tile.h"

namespace pgc {

/// How the second operand B (K by N) lies in memory.
enum class ProductBForm {
  Transposed, ///< [N, K]
  Plain,      ///< [K, N]
  Packed      ///< the result of pg.pack
};

/// out[batch, M, N] = A B, or, for a pg.pack alone, B in panels.
struct Product {
  mlir::Operation *op = nullptr;   // the product, or the pg.pack
  unsigned aIndex = 0, bIndex = 0; // arguments of the kernel that hold A and B
  mlir::Type aElement, bElement;   // as stored
  mlir::Type operand;              // of both, as multiplied: f32, f64, bf16
  int64_t m = 1, n = 1, k = 1;
  bool aByColumns = false; // A is stored [K, M]
  ProductBForm bForm = ProductBForm::Plain;
  int64_t packGroup = 1;
  // Leading axes of the result, with the operands' strides along them in
  // elements (0 where an operand is broadcast).
  llvm::SmallVector<int64_t> batch, aStrides, bStrides;

  bool isPack() const;
  int64_t getBatch() const;
  /// Whether operands are rounded to bf16 as they are packed, because the
  /// kernel converts them first.
  bool roundsA() const { return operand.isBF16() && !aElement.isBF16(); }
  bool roundsB() const { return operand.isBF16() && !bElement.isBF16(); }
  mlir::Value getResult() const { return op->getResult(0); }
};

/// A grid of blocks of the result, and the step along K between which sums wait
/// in memory. It depends on the sizes alone.
struct ProductBlocks {
  int64_t rows = 1, columns = 1,
          depth = 1; // of a block; multiples of 12, 16 and 16 where there is
                     // more than one
  int64_t rowBlocks = 1, columnBlocks = 1;
  int64_t cachedRows = 1; // rows of A that are multiplied with a block of B at
                          // a time; a multiple of 12

  int64_t getCount() const { return rowBlocks * columnBlocks; }
  /// Whether sums are complete after one step along K.
  bool isOneStep(const Product &product) const { return depth >= product.k; }
};

/// Reads the kernel's body; on failure says what is not supported.
mlir::FailureOr<Product> analyzeProduct(pg::sched::KernelOp kernel);
ProductBlocks chooseProductBlocks(const Product &product);

/// Completes a kernel's attributes; fails if it has `chunks` already, and
/// others.
mlir::LogicalResult setProductPlan(pg::sched::KernelOp kernel,
                                   const Product &product, int64_t chunks,
                                   int64_t scratch);

/// Places of a thread's scratch memory, in bytes; sizes hold for every target.
struct ProductScratch {
  int64_t a = 0, b = 0, c = 0, total = 0;
};
ProductScratch layOutProductScratch(const Product &product,
                                    const ProductBlocks &blocks);

/// Whether the kernel yields nothing but the product itself, in the type of its
/// sums.
bool isPlainProduct(pg::sched::KernelOp kernel, const Product &product);

/// Whether the ops around the product can be computed on its result, element by
/// element; emits the reason if not.
mlir::LogicalResult checkProductEpilogue(pg::sched::KernelOp kernel,
                                         const Product &product);

/// A row of the result, counted over all batches, and where its elements of
/// each operand of the epilogue begin.
struct ProductRow {
  mlir::Value row;
  llvm::DenseMap<mlir::Value, mlir::Value> offsets;
};
ProductRow beginProductRow(KernelBuilder &kb, pg::sched::KernelOp kernel,
                           const Product &product, mlir::Value row);

/// Emits the epilogue of neighbouring elements of a row, `sum` (a register
/// value), from `column`. `aligned`: rows and `column` are multiples of as many
/// elements. `past`: results that `passesCaches` names are stored so, which a
/// fence must follow.
void emitProductElements(KernelBuilder &kb, pg::sched::KernelOp kernel,
                         const Product &product, const ProductRow &row,
                         mlir::Value sum, mlir::Value column, bool aligned,
                         bool past = false);

/// Whether a result goes past the caches: the product itself, where it is large
/// and another result is made of it. The next kernel reads that one; the product
/// is for the backward pass.
bool passesCaches(pg::sched::KernelOp kernel, const Product &product,
                  unsigned result);

/// Emits the epilogue of a block: `sums` holds the product's elements [rows,
/// columns], rows `sumStep` elements apart; the block's first row, counted over
/// all batches, is `row`, its first column `column`.
void emitProductEpilogue(KernelBuilder &kb, pg::sched::KernelOp kernel,
                         const Product &product, mlir::Value sums,
                         int64_t sumStep, mlir::Value row, mlir::Value column,
                         mlir::Value rows, mlir::Value columns);

} // namespace pgc
