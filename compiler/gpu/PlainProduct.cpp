// Emits products by multiply-adds: of f32 and f64, any form and size.
#include "compiler/gpu/GpuOps.h"
#include "compiler/gpu/GpuProduct.h"
#include "compiler/gpu/TensorCore.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

namespace {

struct PlainProductEmitter {
  static constexpr int64_t tile = PlainProduct::tile,
                           depth = PlainProduct::depth,
                           each = PlainProduct::each;
  // Rows of a tile of k by 64 are 68 elements apart: neither the rows nor the
  // columns of what a warp touches lie in one bank.
  static constexpr int64_t step = tile + 4;

  KernelBuilder &kb;
  KernelOp kernel;
  const Product &product;
  TensorCore tc;
  OperandLayout a, b;
  Type sum; // f32 or f64
  Value batch, firstRow, firstColumn, thread;

  PlainProductEmitter(KernelBuilder &kb, KernelOp kernel,
                      const Product &product)
      : kb(kb), kernel(kernel), product(product), tc(kb),
        a(getLayoutA(product)), b(getLayoutB(product)),
        sum(product.operand.isF64() ? product.operand
                                    : Type(kb.b.getF32Type())) {}

  Value less(Value x, int64_t y) {
    return arith::CmpIOp::create(kb.b, kb.loc, arith::CmpIPredicate::slt, x,
                                 kb.index(y));
  }

  /// The place of element (i, k) of a tile in shared memory.
  Value place(unsigned operand, Value k, Value i) {
    int64_t bytes = KernelBuilder::getElementBytes(sum);
    Value base = tc.shared(operand * depth * step * bytes);
    return kb.at(base, kb.add(kb.mul(k, step), i), sum);
  }

  /// Copies [64, 16] of an operand; what does not exist is zero.
  void copyTile(unsigned operand, const OperandLayout &layout, unsigned buffer,
                Type element, bool round, Value first, int64_t size,
                Value firstK) {
    Value base = kb.buffers[buffer];
    for (const OperandLayout::Axis &axis : layout.axes)
      base = kb.at(
          base,
          kb.mul(kb.rem(kb.div(batch, axis.divisor), axis.size), axis.stride),
          element);
    for (int64_t i = 0; i < tile * depth; i += PlainProduct::threads) {
      // Neighbours in a warp read along the contiguous axis.
      Value number = kb.add(thread, i);
      Value k =
          layout.rowsAlongK ? kb.rem(number, depth) : kb.div(number, tile);
      Value other =
          layout.rowsAlongK ? kb.div(number, depth) : kb.rem(number, tile);
      Value ownK = kb.add(firstK, k), own = kb.add(first, other);
      Value exists = arith::AndIOp::create(kb.b, kb.loc, less(ownK, product.k),
                                           less(own, size));
      Value from = layout.rowsAlongK ? kb.add(kb.mul(own, layout.inner), ownK)
                                     : kb.add(kb.mul(ownK, layout.inner), own);
      from = arith::SelectOp::create(kb.b, kb.loc, exists, from, kb.index(0));
      Value x = kb.load(kb.at(base, from, element), element);
      if (round)
        x = kb.roundToBf16(x);
      x = arith::SelectOp::create(kb.b, kb.loc, exists, kb.convert(x, sum),
                                  kb.constant(sum, 0));
      kb.store(x, place(operand, k, other), sum);
    }
  }

  SmallVector<Value> multiplyTile(ValueRange sums, Value row, Value column) {
    return kb.loop(
        kb.index(0), kb.index(depth), 1, sums, [&](Value k, ValueRange sums) {
          SmallVector<Value> x, y, next;
          for (int64_t i = 0; i < each; ++i) {
            x.push_back(kb.load(place(0, k, kb.add(row, i)), sum));
            y.push_back(kb.load(place(1, k, kb.add(column, i)), sum));
          }
          for (int64_t i = 0; i < each; ++i)
            for (int64_t j = 0; j < each; ++j)
              next.push_back(kb.fma(x[i], y[j], sums[i * each + j]));
          return next;
        });
  }

  void run() {
    int64_t rowBlocks = llvm::divideCeil(product.m, tile),
            columnBlocks = llvm::divideCeil(product.n, tile);
    Value block = kb.block;
    thread = kb.thread;
    batch = kb.div(block, rowBlocks * columnBlocks);
    block = kb.rem(block, rowBlocks * columnBlocks);
    firstRow = kb.mul(kb.rem(block, rowBlocks), tile);
    firstColumn = kb.mul(kb.div(block, rowBlocks), tile);
    Value row = kb.mul(kb.div(thread, tile / each), each),
          column = kb.mul(kb.rem(thread, tile / each), each);
    SmallVector<Value> sums(each * each, kb.constant(sum, 0));
    sums = kb.loop(kb.index(0), kb.index(product.k), depth, sums,
                   [&](Value k, ValueRange sums) {
                     copyTile(0, a, product.aIndex, product.aElement,
                              product.roundsA(), firstRow, product.m, k);
                     copyTile(1, b, product.bIndex, product.bElement,
                              product.roundsB(), firstColumn, product.n, k);
                     gpu::synchronize(kb);
                     SmallVector<Value> next = multiplyTile(sums, row, column);
                     gpu::synchronize(kb);
                     return next;
                   });
    for (int64_t i = 0; i < each; ++i) {
      Value own = kb.add(kb.add(firstRow, row), i);
      kb.when(less(own, product.m), [&] {
        ProductRow place = beginProductRow(
            kb, kernel, product, kb.add(kb.mul(batch, product.m), own));
        for (int64_t j = 0; j < each; ++j) {
          Value at = kb.add(kb.add(firstColumn, column), j);
          kb.when(less(at, product.n), [&] {
            emitProductElements(kb, kernel, product, place, sums[i * each + j],
                                at, /*aligned=*/false);
          });
        }
      });
    }
  }
};

} // namespace

void emitPlainProduct(KernelBuilder &kb, KernelOp kernel,
                      const Product &product) {
  PlainProductEmitter(kb, kernel, product).run();
}

} // namespace pgc
