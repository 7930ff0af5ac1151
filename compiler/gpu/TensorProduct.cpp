// Emits products on tensor cores.
//
// A ring of stages in shared memory, each a tile of A and one of B, 64 of k: a
// warpgroup fills it, by bulk tensor copies or by its threads, two others
// multiply. A stage has two mbarriers: `full` completes when its bytes are
// there, `empty` when both have multiplied them.
#include "compiler/gpu/GpuOps.h"
#include "compiler/gpu/GpuProduct.h"
#include "compiler/gpu/SlabCopy.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

namespace {

struct TensorProductEmitter {
  KernelBuilder &kb;
  KernelOp kernel;
  const Product &product;
  const TensorProduct &plan;
  Value mapA, mapB;
  TensorCore tc;
  OperandLayout a, b;
  Value batch, firstRow, firstColumn; // of the block
  Value thread;                       // of the warpgroup

  TensorProductEmitter(KernelBuilder &kb, KernelOp kernel,
                       const Product &product, const TensorProduct &plan)
      : kb(kb), kernel(kernel), product(product), plan(plan), tc(kb),
        a(getLayoutA(product)), b(getLayoutB(product)) {
    if (plan.bulkA)
      mapA = kb.tensorMaps.front();
    if (plan.bulkB)
      mapB = kb.tensorMaps.back();
  }

  Value equal(Value x, int64_t y) {
    return arith::CmpIOp::create(kb.b, kb.loc, arith::CmpIPredicate::eq, x,
                                 kb.index(y));
  }
  Value less(Value x, int64_t y) {
    return arith::CmpIOp::create(kb.b, kb.loc, arith::CmpIPredicate::slt, x,
                                 kb.index(y));
  }
  int64_t getSteps() const {
    return llvm::divideCeil(product.k, TensorProduct::depth);
  }
  Value stageOf(Value step) { return kb.rem(step, plan.stages); }
  Value parityOf(Value step) { return kb.rem(kb.div(step, plan.stages), 2); }
  Value full(Value stage) {
    return tc.shared(kb.add(kb.mul(stage, 16), plan.getBarrierOffset()));
  }
  Value empty(Value stage) {
    return tc.shared(kb.add(kb.mul(stage, 16), plan.getBarrierOffset() + 8));
  }
  Value tileA(Value stage) {
    return tc.shared(kb.mul(stage, plan.getStageBytes()));
  }
  Value tileB(Value stage) {
    return tc.shared(
        kb.add(kb.mul(stage, plan.getStageBytes()), plan.getABytes()));
  }

  //===--------------------------------------------------------------------===//
  // The warpgroup that fetches
  //===--------------------------------------------------------------------===//

  /// Calls `fetch` for each slab of a tile of `rows` rows or columns: where it
  /// lies in the tile, and the first elements along its contiguous axis and
  /// across.
  void
  forEachSlab(const OperandLayout &layout, Value first, int64_t count, Value k,
              Value tile,
              function_ref<void(Value to, Value inner, Value outer)> fetch) {
    if (layout.rowsAlongK)
      return fetch(tile, k, first);
    for (int64_t i = 0; i < count; i += slabColumns)
      fetch(kb.at(tile, i * TensorProduct::depth * 2, kb.b.getI8Type()),
            kb.add(first, i), k);
  }

  void copyByBox(const OperandLayout &layout, Value map, Value first,
                 int64_t count, Value k, Value tile, Value barrier) {
    forEachSlab(layout, first, count, k, tile,
                [&](Value to, Value inner, Value outer) {
                  SmallVector<Value> coordinates{inner, outer};
                  for (const OperandLayout::Axis &axis : layout.axes)
                    coordinates.push_back(
                        kb.rem(kb.div(batch, axis.divisor), axis.size));
                  tc.copyBox(map, coordinates, to, barrier);
                });
  }

  void copyByThreads(const OperandLayout &layout, unsigned buffer, Type element,
                     Value first, int64_t count, Value k, Value tile) {
    Value offset = kb.index(0);
    bool aligned = layout.inner % 8 == 0;
    for (const OperandLayout::Axis &axis : layout.axes) {
      offset =
          kb.add(offset, kb.mul(kb.rem(kb.div(batch, axis.divisor), axis.size),
                                axis.stride));
      aligned &= axis.stride % 8 == 0;
    }
    SlabSource source{kb.at(kb.buffers[buffer], offset, element),
                      element,
                      layout.inner,
                      kb.index(layout.outer),
                      kb.index(layout.inner),
                      aligned};
    forEachSlab(layout, first, count, k, tile,
                [&](Value to, Value inner, Value outer) {
                  copySlab(kb, source, outer, inner,
                           layout.rowsAlongK ? count : TensorProduct::depth, to,
                           thread, TensorProduct::warpgroup);
                });
  }

  void fetchStage(Value step) {
    Value stage = stageOf(step), k = kb.mul(step, TensorProduct::depth);
    // The first round finds every stage empty.
    tc.wait(empty(stage), kb.sub(kb.index(1), parityOf(step)));
    int64_t bytes = (plan.bulkA ? plan.getABytes() : 0) +
                    (plan.bulkB ? plan.getBBytes() : 0);
    auto copyBoxes = [&] {
      if (plan.bulkA)
        copyByBox(a, mapA, firstRow, TensorProduct::rows, k, tileA(stage),
                  full(stage));
      if (plan.bulkB)
        copyByBox(b, mapB, firstColumn, plan.columns, k, tileB(stage),
                  full(stage));
    };
    if (plan.bulkA && plan.bulkB) { // one thread only
      tc.arriveExpecting(full(stage), bytes);
      return copyBoxes();
    }
    if (!plan.bulkA)
      copyByThreads(a, product.aIndex, product.aElement, firstRow,
                    TensorProduct::rows, k, tileA(stage));
    if (!plan.bulkB)
      copyByThreads(b, product.bIndex, product.bElement, firstColumn,
                    plan.columns, k, tileB(stage));
    tc.fenceAsync();
    if (bytes == 0)
      return tc.arrive(full(stage));
    auto op = scf::IfOp::create(kb.b, kb.loc, equal(thread, 0),
                                /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(kb.b);
    kb.b.setInsertionPointToStart(op.thenBlock());
    tc.arriveExpecting(full(stage), bytes);
    copyBoxes();
    kb.b.setInsertionPointToStart(op.elseBlock());
    tc.arrive(full(stage));
  }

  void fetch() {
    tc.takeRegisters(/*fetches=*/true, !plan.bulkA || !plan.bulkB);
    auto all = [&] {
      kb.loop(kb.index(0), kb.index(getSteps()), 1,
              [&](Value step) { fetchStage(step); });
    };
    if (plan.bulkA && plan.bulkB)
      kb.when(equal(thread, 0), all);
    else
      all();
  }

  //===--------------------------------------------------------------------===//
  // The warpgroups that multiply
  //===--------------------------------------------------------------------===//

  void multiply(Value consumer) {
    tc.takeRegisters(/*fetches=*/false, !plan.bulkA || !plan.bulkB);
    SlabAxis axisA = a.rowsAlongK ? SlabAxis::K : SlabAxis::Other,
             axisB = b.rowsAlongK ? SlabAxis::K : SlabAxis::Other;
    // 64 rows of A are a slab, or as many rows of one.
    Value fromA = tc.descriptor(kb.at(tc.shared(int64_t(0)),
                                      kb.mul(consumer, 64 * slabRowBytes),
                                      kb.b.getI8Type()));
    Value fromB = tc.descriptor(tc.shared(plan.getABytes()),
                                TensorProduct::depth * slabRowBytes);
    Type f32 = kb.b.getF32Type();
    SmallVector<Value> sums(plan.columns / 2, kb.constant(f32, 0));
    Value isFirst = equal(thread, 0);
    sums = kb.loop(
        kb.index(0), kb.index(getSteps()), 1, sums,
        [&](Value step, ValueRange sums) {
          Value stage = stageOf(step);
          tc.wait(full(stage), parityOf(step));
          Value offset = kb.mul(stage, plan.getStageBytes() / 16);
          SmallVector<WgmmaStep> steps;
          for (int64_t i = 0; i < TensorProduct::depth / 16; ++i)
            steps.push_back(
                {tc.advance(kb.add(fromA, offset), i * tc.stepBytes(axisA)),
                 {},
                 tc.advance(kb.add(fromB, offset), i * tc.stepBytes(axisB))});
          SmallVector<Value> next =
              tc.multiply(plan.columns, sums, steps, axisA, axisB);
          // What was multiplied before these is done.
          tc.finish(1, {});
          Value later = arith::CmpIOp::create(
              kb.b, kb.loc, arith::CmpIPredicate::ne, step, kb.index(0));
          kb.when(arith::AndIOp::create(kb.b, kb.loc, isFirst, later), [&] {
            tc.arrive(empty(stageOf(kb.sub(step, kb.index(1)))));
          });
          return next;
        });
    keepRolled(kb);
    store(consumer, tc.finish(0, sums));
  }

  /// Thread t of a warp holds columns 8 j + 2 (t % 4) and the next of rows
  /// t / 4 and t / 4 + 8 of the warp's 16.
  void store(Value consumer, ArrayRef<Value> sums) {
    Value warp = kb.div(thread, 32), lane = kb.rem(thread, 32);
    Value row =
        kb.add(firstRow, kb.add(kb.mul(consumer, 64),
                                kb.add(kb.mul(warp, 16), kb.div(lane, 4))));
    Value column = kb.add(firstColumn, kb.mul(kb.rem(lane, 4), 2));
    for (int64_t half = 0; half < 2; ++half) {
      Value own = kb.add(row, 8 * half);
      auto storeRow = [&] {
        ProductRow place = beginProductRow(
            kb, kernel, product, kb.add(kb.mul(batch, product.m), own));
        for (int64_t j = 0; j < plan.columns / 8; ++j)
          storePair(place, kb.add(column, 8 * j), 8 * j,
                    sums.slice(4 * j + 2 * half, 2));
      };
      if (product.m % TensorProduct::rows == 0)
        storeRow();
      else
        kb.when(less(own, product.m), storeRow);
    }
  }

  void storePair(const ProductRow &row, Value column, int64_t within,
                 ArrayRef<Value> pair) {
    if (product.n % 2 == 0) {
      auto emit = [&] {
        Value sum = vector::FromElementsOp::create(
            kb.b, kb.loc, VectorType::get({2}, pair[0].getType()), pair);
        emitProductElements(kb, kernel, product, row, sum, column,
                            /*aligned=*/true);
      };
      if (product.n % plan.columns == 0)
        return emit();
      return kb.when(less(column, product.n), emit);
    }
    for (int64_t i = 0; i < 2; ++i)
      kb.when(less(kb.add(column, i), product.n), [&] {
        emitProductElements(kb, kernel, product, row, pair[i],
                            kb.add(column, i), /*aligned=*/false);
      });
  }

  //===--------------------------------------------------------------------===//
  // The block
  //===--------------------------------------------------------------------===//

  void findBlock() {
    Value block = kb.block;
    int64_t count = plan.rowBlocks * plan.columnBlocks;
    batch = kb.div(block, count);
    block = kb.rem(block, count);
    firstRow = kb.mul(kb.rem(block, plan.rowBlocks), TensorProduct::rows);
    firstColumn = kb.mul(kb.div(block, plan.rowBlocks), plan.columns);
  }

  void run() {
    findBlock();
    Value all = kb.thread;
    thread = kb.rem(all, TensorProduct::warpgroup);
    Value group = kb.div(all, TensorProduct::warpgroup);
    kb.when(equal(all, 0), [&] {
      for (int64_t stage = 0; stage < plan.stages; ++stage) {
        bool one = plan.bulkA && plan.bulkB;
        tc.initBarrier(full(kb.index(stage)),
                       one ? 1 : TensorProduct::warpgroup);
        tc.initBarrier(empty(kb.index(stage)), TensorProduct::consumers);
      }
      tc.fenceBarriers();
    });
    gpu::synchronize(kb);
    auto op = scf::IfOp::create(kb.b, kb.loc, equal(group, 0),
                                /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(kb.b);
    kb.b.setInsertionPointToStart(op.thenBlock());
    fetch();
    kb.b.setInsertionPointToStart(op.elseBlock());
    multiply(kb.sub(group, kb.index(1)));
  }
};

} // namespace

void emitTensorProduct(KernelBuilder &kb, KernelOp kernel,
                       const Product &product, const TensorProduct &plan) {
  TensorProductEmitter(kb, kernel, product, plan).run();
}

} // namespace pgc
