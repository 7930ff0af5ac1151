// Emits attention on tensor cores: scores of 64 queries and 128 keys stay in a
// warpgroup's registers, where they become weights, which are multiplied from
// registers (Dao 2023, arXiv 2307.08691; Shah et al. 2024, arXiv 2407.08608).
#include "compiler/gpu/GpuAttention.h"
#include "compiler/gpu/GpuOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace pgc {

namespace {

constexpr unsigned qOperand = 0, kOperand = 1, vOperand = 2;
constexpr int64_t blockRows = TensorAttention::rows,
                  blockKeys = TensorAttention::keys,
                  stages = TensorAttention::stages;

/// Places in shared memory.
struct Layout {
  SharedLayout shared;
  int64_t queries, keys, values; // keys and values: of the first stage
  int64_t stageBytes;            // of keys, and of values
  int64_t queriesFull, full, empty;

  explicit Layout(const Attention &a) {
    int64_t slabs = TensorAttentionEmitter::getSlabs(a);
    stageBytes = slabs * blockKeys * slabRowBytes;
    queries = shared.take(slabs * blockRows * slabRowBytes);
    keys = shared.take(stages * stageBytes);
    values = shared.take(stages * stageBytes);
    queriesFull = shared.take(8, 8);
    full = shared.take(8 * stages, 8);
    empty = shared.take(8 * stages, 8);
  }
};

int64_t getRowBlocks(const Attention &a) {
  return llvm::divideCeil(a.queries, blockRows);
}

struct ForwardEmitter : TensorAttentionEmitter {
  Layout at;
  Value head, firstRow; // of the block
  Value end;            // one past the last key that the block sees

  ForwardEmitter(KernelBuilder &kb, const Attention &a)
      : TensorAttentionEmitter(kb, a, blockRows), at(a) {}

  Value stageOf(Value step) { return kb.rem(step, stages); }
  Value parityOf(Value step) { return kb.rem(kb.div(step, stages), 2); }
  Value full(Value stage) {
    return tc.shared(kb.add(kb.mul(stage, 8), at.full));
  }
  Value empty(Value stage) {
    return tc.shared(kb.add(kb.mul(stage, 8), at.empty));
  }
  Value tile(int64_t first, Value stage) {
    return tc.shared(kb.add(kb.mul(stage, at.stageBytes), first));
  }
  Value getSteps() { return kb.div(kb.add(end, blockKeys - 1), blockKeys); }

  void fetchAll() {
    tc.takeRegisters(/*fetches=*/true, fetchesByThreads());
    fetch({{qOperand, head, firstRow, blockRows, tc.shared(at.queries)}},
          tc.shared(at.queriesFull));
    Value keyHead = kb.div(head, a.getGroup());
    kb.loop(kb.index(0), getSteps(), 1, [&](Value step) {
      Value stage = stageOf(step), first = kb.mul(step, blockKeys);
      tc.wait(empty(stage), kb.sub(kb.index(1), parityOf(step)));
      fetch({{kOperand, keyHead, first, blockKeys, tile(at.keys, stage)},
             {vOperand, keyHead, first, blockKeys, tile(at.values, stage)}},
            full(stage));
    });
  }

  //===--------------------------------------------------------------------===//
  // The warpgroups that multiply
  //===--------------------------------------------------------------------===//

  /// What a thread carries from block to block: maxima and totals of its two
  /// rows, in its own columns as to the totals, and sums [64, D].
  struct State {
    SmallVector<Value> maxima, totals, sums;

    SmallVector<Value> pack() const {
      SmallVector<Value> values(maxima);
      llvm::append_range(values, totals);
      llvm::append_range(values, sums);
      return values;
    }
    static State unpack(ValueRange values) {
      State state;
      llvm::append_range(state.maxima, values.take_front(2));
      llvm::append_range(state.totals, values.drop_front(2).take_front(2));
      llvm::append_range(state.sums, values.drop_front(4));
      return state;
    }
  };

  /// Scores that a query does not see become -1e30.
  void mask(MutableArrayRef<Value> scores, Value firstKey, Value row) {
    Type word = kb.b.getI64Type();
    Value hidden = f32(-1e30), column = columnOfThread();
    auto segmentOf = [&](Value position) {
      Value exists = less(position, kb.index(a.positions));
      Value place = kb.add(kb.mul(batch, a.positions),
                           choose(exists, position, kb.index(0)));
      return kb.load(kb.at(kb.buffers[a.segment->index], place, word), word);
    };
    Value position[2], segments[2];
    for (int64_t half = 0; half < 2; ++half) {
      position[half] = kb.add(row, a.getFirstPosition() + 8 * half);
      if (a.segment)
        segments[half] = segmentOf(position[half]);
    }
    for (int64_t j = 0; j < blockKeys / 8; ++j)
      for (int64_t e = 0; e < 2; ++e) {
        Value key = kb.add(kb.add(firstKey, column), 8 * j + e);
        Value segment = a.segment ? segmentOf(key) : Value();
        for (int64_t half = 0; half < 2; ++half) {
          Value seen = compare(arith::CmpIPredicate::sle, key, position[half]);
          if (a.segment)
            seen = arith::AndIOp::create(
                kb.b, kb.loc, seen,
                compare(arith::CmpIPredicate::eq, segment, segments[half]));
          Value &score = scores[4 * j + 2 * half + e];
          score = choose(seen, score, hidden);
        }
      }
  }

  State addKeys(Value step, Value queries, Value row, State state,
                bool masked) {
    Value stage = stageOf(step);
    tc.wait(full(stage), parityOf(step));
    SmallVector<Value> scores = tc.multiply(
        blockKeys, {},
        alongWidth(queries, blockRows, tile(at.keys, stage), blockKeys),
        SlabAxis::K, SlabAxis::K);
    scores = tc.finish(0, scores);
    if (masked)
      mask(scores, kb.mul(step, blockKeys), row);
    for (int64_t half = 0; half < 2; ++half) {
      Value maximum = scores[2 * half];
      for (int64_t i = 0; i < blockKeys / 2; ++i)
        if (i / 2 % 2 == half && i != 2 * half)
          maximum = kb.maxf(maximum, scores[i]);
      maximum = kb.maxf(state.maxima[half], tc.maximumOfLanes(maximum, 4));
      Value factor = f32(base()), scaled = kb.mulf(maximum, factor);
      Value alpha =
          tc.power2(kb.subf(kb.mulf(state.maxima[half], factor), scaled));
      Value total = kb.mulf(state.totals[half], alpha), shift = kb.negf(scaled);
      for (int64_t i = 0; i < blockKeys / 2; ++i)
        if (i / 2 % 2 == half) {
          scores[i] = tc.power2(kb.fma(scores[i], factor, shift));
          total = kb.addf(total, scores[i]);
        }
      for (auto [i, sum] : llvm::enumerate(state.sums))
        if (static_cast<int64_t>(i / 2 % 2) == half)
          sum = kb.mulf(sum, alpha);
      state.maxima[half] = maximum;
      state.totals[half] = total;
    }
    state.sums =
        tc.multiply(getWidth(), state.sums,
                    alongRows(scores, tile(at.values, stage), blockKeys),
                    SlabAxis::K, SlabAxis::Other);
    state.sums = tc.finish(0, state.sums);
    kb.when(compare(arith::CmpIPredicate::eq, thread, kb.index(0)),
            [&] { tc.arrive(empty(stage)); });
    return state;
  }

  void multiplyAll(Value consumer) {
    tc.takeRegisters(/*fetches=*/false, fetchesByThreads());
    Value queries =
        kb.at(tc.shared(at.queries), kb.mul(consumer, 64 * slabRowBytes),
              kb.b.getI8Type());
    Value own = kb.add(firstRow, kb.mul(consumer, 64));
    Value row = kb.add(own, rowOfThread());
    tc.wait(tc.shared(at.queriesFull), kb.index(0));
    State state{{f32(-1e30), f32(-1e30)},
                {f32(0), f32(0)},
                SmallVector<Value>(getWidth() / 2, f32(0))};
    SmallVector<Value> values = state.pack();
    // All of the block's queries see the keys up to its first one's position.
    Value whole = a.segment ? kb.index(0)
                            : kb.div(kb.add(firstRow, a.getFirstPosition() + 1),
                                     blockKeys);
    for (bool masked : {false, true}) {
      values = kb.loop(
          masked ? whole : kb.index(0), masked ? getSteps() : whole, 1, values,
          [&](Value step, ValueRange values) {
            return addKeys(step, queries, row, State::unpack(values), masked)
                .pack();
          });
      keepRolled(kb);
    }
    finish(State::unpack(values), own, row);
  }

  /// o = sums / totals, lse = maximum scale + log totals.
  void finish(const State &state, Value own, Value row) {
    SmallVector<Value> factors;
    for (int64_t half = 0; half < 2; ++half) {
      Value total = tc.sumOfLanes(state.totals[half], 4);
      factors.push_back(kb.divf(f32(1), total));
      Value lse =
          kb.addf(kb.mulf(state.maxima[half], f32(scale())), kb.log(total));
      Value query = kb.add(row, 8 * half);
      Value stores = arith::AndIOp::create(
          kb.b, kb.loc, less(query, kb.index(a.queries)),
          compare(arith::CmpIPredicate::eq, columnOfThread(), kb.index(0)));
      Value place = kb.add(
          kb.mul(kb.add(kb.mul(batch, a.queries), query), a.queryHeads), head);
      kb.when(stores, [&] {
        for (const AttentionOutput &out : a.outputs[1])
          kb.store(kb.convert(lse, out.element),
                   kb.at(kb.buffers[out.buffer], place, out.element),
                   out.element);
      });
    }
    storeRows(state.sums, factors, own, a.queries, head, a.queryHeads,
              a.outputs[0]);
  }

  void run() {
    Value block = kb.block;
    // Blocks that see most keys first.
    Value rest = kb.div(block, a.queryHeads);
    head = kb.rem(block, a.queryHeads);
    batch = kb.rem(rest, a.batch);
    firstRow =
        kb.mul(kb.sub(kb.index(getRowBlocks(a) - 1), kb.div(rest, a.batch)),
               blockRows);
    end = kb.add(kb.min(kb.add(firstRow, blockRows), kb.index(a.queries)),
                 a.getFirstPosition());
    Value first = arith::AndIOp::create(
        kb.b, kb.loc, compare(arith::CmpIPredicate::eq, thread, kb.index(0)),
        compare(arith::CmpIPredicate::eq, group, kb.index(0)));
    kb.when(first, [&] {
      tc.initBarrier(tc.shared(at.queriesFull), warpgroup);
      for (int64_t stage = 0; stage < stages; ++stage) {
        tc.initBarrier(full(kb.index(stage)), warpgroup);
        tc.initBarrier(empty(kb.index(stage)), consumers);
      }
      tc.fenceBarriers();
    });
    gpu::synchronize(kb);
    auto op = scf::IfOp::create(
        kb.b, kb.loc, compare(arith::CmpIPredicate::eq, group, kb.index(0)),
        /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(kb.b);
    kb.b.setInsertionPointToStart(op.thenBlock());
    fetchAll();
    kb.b.setInsertionPointToStart(op.elseBlock());
    multiplyAll(kb.sub(group, kb.index(1)));
  }
};

} // namespace

pg::sched::GpuLaunch getTensorLaunch(const Attention &a) {
  static_assert(blockRows == blockKeys);
  return TensorAttentionEmitter::getLaunch(
      a, getRowBlocks(a) * a.batch * a.queryHeads, Layout(a).shared.getTotal(),
      blockRows);
}

void emitTensorAttention(KernelBuilder &kb, const Attention &attention) {
  ForwardEmitter(kb, attention).run();
}

} // namespace pgc
