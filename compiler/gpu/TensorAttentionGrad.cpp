// Emits the gradient of attention on tensor cores: weights are computed again
// from scores and lse (Dao et al. 2022, arXiv 2205.14135, algorithm 4).
//
// Blocks for dk and dv hold scores transposed, [64 keys, queries], so that
// weights and their gradients are multiplied from registers in both kinds of
// blocks: dv += P^T do, dk += dS^T q there, dq += dS k here.
#include "compiler/gpu/GpuAttention.h"
#include "compiler/gpu/GpuOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace pgc {

namespace {

constexpr unsigned qOperand = 0, kOperand = 1, vOperand = 2, oOperand = 3,
                   lseOperand = 4, doOperand = 5;
constexpr int64_t blockRows = TensorAttentionGrad::rows,
                  stages = TensorAttentionGrad::stages;
constexpr double log2e = 1.44269504088896341;

/// Places in shared memory: the block's own tiles (k and v, or q and do), and a
/// ring of the others, of `step` rows, with lse and Σ do o of each row.
struct Layout {
  SharedLayout shared;
  int64_t step;
  int64_t own[2], ring[2], lse, delta; // ring …: of the first stage
  int64_t stageBytes;                  // of one of the ring's two tiles
  int64_t ownFull, full, empty;

  explicit Layout(const Attention &a) : step(TensorAttentionGrad::getStep(a)) {
    int64_t slabs = TensorAttentionEmitter::getSlabs(a);
    stageBytes = slabs * step * slabRowBytes;
    for (int64_t &place : own)
      place = shared.take(slabs * blockRows * slabRowBytes);
    for (int64_t &place : ring)
      place = shared.take(stages * stageBytes);
    lse = shared.take(stages * step * 4, 16);
    delta = shared.take(stages * step * 4, 16);
    ownFull = shared.take(8, 8);
    full = shared.take(8 * stages, 8);
    empty = shared.take(8 * stages, 8);
  }
};

int64_t getBlocks(const Attention &a) {
  return llvm::divideCeil(a.positions, blockRows);
}
int64_t getKeyBlocks(const Attention &a) {
  return getBlocks(a) * a.batch * a.keyHeads;
}

struct GradEmitter : TensorAttentionEmitter {
  Layout at;
  Value firstRow; // of the block

  GradEmitter(KernelBuilder &kb, const Attention &a)
      : TensorAttentionEmitter(kb, a, TensorAttentionGrad::getStep(a)), at(a) {}

  Value stageOf(Value turn) { return kb.rem(turn, stages); }
  Value parityOf(Value turn) { return kb.rem(kb.div(turn, stages), 2); }
  Value full(Value stage) {
    return tc.shared(kb.add(kb.mul(stage, 8), at.full));
  }
  Value empty(Value stage) {
    return tc.shared(kb.add(kb.mul(stage, 8), at.empty));
  }
  Value ringTile(int64_t which, Value stage) {
    return tc.shared(kb.add(kb.mul(stage, at.stageBytes), at.ring[which]));
  }
  /// The consumer's 64 rows of one of the block's own tiles.
  Value ownTile(int64_t which, Value consumer) {
    return kb.at(tc.shared(at.own[which]), kb.mul(consumer, 64 * slabRowBytes),
                 kb.b.getI8Type());
  }
  /// Number `i` of lse or Σ do o of a stage.
  Value rowValue(int64_t first, Value stage, Value i) {
    return kb.at(tc.shared(kb.add(kb.mul(stage, at.step * 4), first)), i,
                 kb.b.getF32Type());
  }
  Value waitToFill(Value turn) {
    Value stage = stageOf(turn);
    tc.wait(empty(stage), kb.sub(kb.index(1), parityOf(turn)));
    return stage;
  }
  void fetchOwn(unsigned first, unsigned second, Value head) {
    fetch({{first, head, firstRow, blockRows, tc.shared(at.own[0])},
           {second, head, firstRow, blockRows, tc.shared(at.own[1])}},
          tc.shared(at.ownFull));
  }

  //===--------------------------------------------------------------------===//
  // Σ do o and lse of a row
  //===--------------------------------------------------------------------===//

  Value load(unsigned operand, Value place) {
    const AttentionOperand &from = a.operands[operand];
    Value x = kb.load(kb.at(kb.buffers[from.index], place, from.element),
                      from.element);
    return kb.convert(from.round ? kb.roundToBf16(x) : x, kb.b.getF32Type());
  }
  Value rowNumber(Value row, Value head) {
    return kb.add(kb.mul(kb.add(kb.mul(batch, a.queries), row), a.queryHeads),
                  head);
  }
  /// lse in units of the exponent's base; so large where there is no query that
  /// its weights are 0.
  Value loadLse(Value row, Value head) {
    Value exists = less(row, kb.index(a.queries));
    Value from = choose(exists, row, kb.index(0));
    return choose(exists,
                  kb.mulf(load(lseOperand, rowNumber(from, head)), f32(log2e)),
                  f32(1e30));
  }
  /// Σ do o of the row, by `lanes` neighbouring threads, all of which get it.
  Value loadDelta(Value row, Value head, int64_t lanes) {
    Value exists = less(row, kb.index(a.queries));
    Value from =
        kb.mul(rowNumber(choose(exists, row, kb.index(0)), head), a.width);
    Value lane = kb.rem(thread, lanes);
    auto term = [&](Value d, Value sum) {
      return kb.fma(load(doOperand, kb.add(from, d)),
                    load(oOperand, kb.add(from, d)), sum);
    };
    int64_t whole = a.width / lanes;
    Value sum = kb.loop(kb.index(0), kb.index(whole), 1, f32(0),
                        [&](Value i, ValueRange sum) {
                          return SmallVector<Value>{
                              term(kb.add(kb.mul(i, lanes), lane), sum[0])};
                        })[0];
    if (a.width % lanes != 0) {
      Value d = kb.add(lane, whole * lanes);
      Value inside = less(d, kb.index(a.width));
      sum = choose(inside, term(choose(inside, d, kb.index(0)), sum), sum);
    }
    return tc.sumOfLanes(sum, lanes);
  }

  //===--------------------------------------------------------------------===//
  // Weights
  //===--------------------------------------------------------------------===//

  /// P = 2^(S base - lse) and dS = P (dP - Σ do o), element by element, in the
  /// place of S and dP.
  void weigh(Value &score, Value &change, Value lse, Value delta, Value seen) {
    Value weight = tc.power2(kb.fma(score, f32(base()), kb.negf(lse)));
    if (seen)
      weight = choose(seen, weight, f32(0));
    score = weight;
    change = kb.mulf(weight, kb.subf(change, delta));
  }
  Value segmentOf(Value position) {
    Type word = kb.b.getI64Type();
    Value exists = less(position, kb.index(a.positions));
    Value place = kb.add(kb.mul(batch, a.positions),
                         choose(exists, position, kb.index(0)));
    return kb.load(kb.at(kb.buffers[a.segment->index], place, word), word);
  }
  /// Whether a query sees a key.
  Value sees(Value query, Value key, Value querySegment, Value keySegment) {
    Value seen = compare(arith::CmpIPredicate::sle, key, query);
    if (!a.segment)
      return seen;
    return arith::AndIOp::create(
        kb.b, kb.loc, seen,
        compare(arith::CmpIPredicate::eq, querySegment, keySegment));
  }

  /// [64, step] of a product along D.
  SmallVector<Value> product(Value own, Value other) {
    return tc.multiply(at.step, {}, alongWidth(own, blockRows, other, at.step),
                       SlabAxis::K, SlabAxis::K);
  }
  SmallVector<Value> add(ValueRange sums, ArrayRef<Value> weights,
                         Value other) {
    return tc.multiply(getWidth(), sums, alongRows(weights, other, at.step),
                       SlabAxis::K, SlabAxis::Other);
  }
  /// The values of both, once their products are done.
  void finish(SmallVector<Value> &x, SmallVector<Value> &y) {
    SmallVector<Value> all(x);
    llvm::append_range(all, y);
    all = tc.finish(0, all);
    llvm::copy(ArrayRef(all).take_front(x.size()), x.begin());
    llvm::copy(ArrayRef(all).drop_front(x.size()), y.begin());
  }
  SmallVector<Value> zeros(int64_t count) {
    return SmallVector<Value>(count, f32(0));
  }

  //===--------------------------------------------------------------------===//
  // Blocks for dk and dv
  //===--------------------------------------------------------------------===//

  Value keyHead;

  /// Blocks of queries that see the block's keys, from that of its first key.
  Value firstQueries() { return kb.mul(kb.div(firstRow, at.step), at.step); }
  Value getTurns() { // of a head
    return kb.div(
        kb.add(kb.sub(kb.index(a.queries), firstQueries()), at.step - 1),
        at.step);
  }

  void fetchQueries() {
    fetchOwn(kOperand, vOperand, keyHead);
    kb.loop(kb.index(0), kb.index(a.getGroup()), 1, [&](Value g) {
      Value head = kb.add(kb.mul(keyHead, a.getGroup()), g);
      kb.loop(kb.index(0), getTurns(), 1, [&](Value i) {
        Value first = kb.add(firstQueries(), kb.mul(i, at.step));
        Value stage = waitToFill(
            kb.add(arith::MulIOp::create(kb.b, kb.loc, g, getTurns()), i));
        int64_t lanes = warpgroup / at.step;
        Value r = kb.div(thread, lanes), row = kb.add(first, r);
        Value delta = loadDelta(row, head, lanes), lse = loadLse(row, head);
        kb.when(compare(arith::CmpIPredicate::eq, kb.rem(thread, lanes),
                        kb.index(0)),
                [&] {
                  Type type = kb.b.getF32Type();
                  kb.store(lse, rowValue(at.lse, stage, r), type);
                  kb.store(delta, rowValue(at.delta, stage, r), type);
                });
        fetch({{qOperand, head, first, at.step, ringTile(0, stage)},
               {doOperand, head, first, at.step, ringTile(1, stage)}},
              full(stage));
      });
    });
  }

  SmallVector<Value> addQueries(Value turn, Value first, Value keys,
                                Value values, Value key, ValueRange sums,
                                bool masked) {
    Value stage = stageOf(turn);
    tc.wait(full(stage), parityOf(turn));
    SmallVector<Value> weights = product(keys, ringTile(0, stage)),
                       changes = product(values, ringTile(1, stage));
    finish(weights, changes);
    Value column = columnOfThread();
    Value segments[2];
    if (a.segment)
      for (int64_t half = 0; half < 2; ++half)
        segments[half] = segmentOf(kb.add(key, 8 * half));
    for (int64_t j = 0; j < at.step / 8; ++j)
      for (int64_t e = 0; e < 2; ++e) {
        Value i = kb.add(column, 8 * j + e), query = kb.add(first, i);
        Type type = kb.b.getF32Type();
        Value lse = kb.load(rowValue(at.lse, stage, i), type),
              delta = kb.load(rowValue(at.delta, stage, i), type);
        Value segment = masked && a.segment ? segmentOf(query) : Value();
        for (int64_t half = 0; half < 2; ++half) {
          Value seen = masked ? sees(query, kb.add(key, 8 * half), segment,
                                     segments[half])
                              : Value();
          int64_t at = 4 * j + 2 * half + e;
          weigh(weights[at], changes[at], lse, delta, seen);
        }
      }
    size_t half = sums.size() / 2;
    SmallVector<Value> dv = add(sums.drop_front(half), weights,
                                ringTile(1, stage)),
                       dk = add(sums.take_front(half), changes,
                                ringTile(0, stage));
    finish(dk, dv);
    tc.arrive(empty(stage));
    llvm::append_range(dk, dv);
    return dk;
  }

  void multiplyQueries(Value consumer) {
    Value keys = ownTile(0, consumer), values = ownTile(1, consumer);
    Value own = kb.add(firstRow, kb.mul(consumer, 64)),
          key = kb.add(own, rowOfThread());
    tc.wait(tc.shared(at.ownFull), kb.index(0));
    SmallVector<Value> sums = zeros(getWidth());
    // From here on, all queries see all of the block's keys.
    Value turns = getTurns(), hidden = turns;
    if (!a.segment)
      hidden = kb.min(turns, kb.index(llvm::divideCeil(blockRows, at.step)));
    sums = kb.loop(
        kb.index(0), kb.index(a.getGroup()), 1, sums,
        [&](Value g, ValueRange sums) {
          SmallVector<Value> carried(sums);
          Value before = arith::MulIOp::create(kb.b, kb.loc, g, turns);
          for (bool masked : {true, false}) {
            carried = kb.loop(
                masked ? kb.index(0) : hidden, masked ? hidden : turns, 1,
                carried, [&](Value i, ValueRange sums) {
                  return addQueries(kb.add(before, i),
                                    kb.add(firstQueries(), kb.mul(i, at.step)),
                                    keys, values, key, sums, masked);
                });
            keepRolled(kb);
          }
          return carried;
        });
    keepRolled(kb);
    ArrayRef<Value> all = sums;
    size_t half = all.size() / 2;
    storeRows(all.take_front(half), {f32(scale()), f32(scale())}, own,
              a.positions, keyHead, a.keyHeads, a.outputs[1]);
    storeRows(all.drop_front(half), {f32(1), f32(1)}, own, a.positions, keyHead,
              a.keyHeads, a.outputs[2]);
  }

  void keyBlock(Value block) {
    // Blocks that most queries see first.
    keyHead = kb.rem(block, a.keyHeads);
    Value rest = kb.div(block, a.keyHeads);
    batch = kb.rem(rest, a.batch);
    firstRow = kb.mul(kb.div(rest, a.batch), blockRows);
    split([&] { fetchQueries(); },
          [&](Value consumer) { multiplyQueries(consumer); });
  }

  //===--------------------------------------------------------------------===//
  // Blocks for dq
  //===--------------------------------------------------------------------===//

  Value head;

  Value getKeyTurns() {
    Value end = kb.min(kb.add(firstRow, blockRows), kb.index(a.positions));
    return kb.div(kb.add(end, at.step - 1), at.step);
  }

  void fetchKeys() {
    fetchOwn(qOperand, doOperand, head);
    Value keyHead = kb.div(head, a.getGroup());
    kb.loop(kb.index(0), getKeyTurns(), 1, [&](Value turn) {
      Value stage = waitToFill(turn), first = kb.mul(turn, at.step);
      fetch({{kOperand, keyHead, first, at.step, ringTile(0, stage)},
             {vOperand, keyHead, first, at.step, ringTile(1, stage)}},
            full(stage));
    });
  }

  /// Of the thread's two rows.
  struct Rows {
    Value row;
    SmallVector<Value> lse, delta, segments;
  };

  SmallVector<Value> addKeys(Value turn, Value queries, Value grads,
                             const Rows &rows, ValueRange sums, bool masked) {
    Value stage = stageOf(turn), first = kb.mul(turn, at.step);
    tc.wait(full(stage), parityOf(turn));
    SmallVector<Value> weights = product(queries, ringTile(0, stage)),
                       changes = product(grads, ringTile(1, stage));
    finish(weights, changes);
    Value column = columnOfThread();
    for (int64_t j = 0; j < at.step / 8; ++j)
      for (int64_t e = 0; e < 2; ++e) {
        Value key = kb.add(kb.add(first, column), 8 * j + e);
        Value segment = masked && a.segment ? segmentOf(key) : Value();
        for (int64_t half = 0; half < 2; ++half) {
          Value seen =
              masked ? sees(kb.add(rows.row, 8 * half), key,
                            a.segment ? rows.segments[half] : Value(), segment)
                     : Value();
          int64_t at = 4 * j + 2 * half + e;
          weigh(weights[at], changes[at], rows.lse[half], rows.delta[half],
                seen);
        }
      }
    SmallVector<Value> dq =
        tc.finish(0, add(sums, changes, ringTile(0, stage)));
    tc.arrive(empty(stage));
    return dq;
  }

  void multiplyKeys(Value consumer) {
    Value queries = ownTile(0, consumer), grads = ownTile(1, consumer);
    Value own = kb.add(firstRow, kb.mul(consumer, 64));
    Rows rows{kb.add(own, rowOfThread()), {}, {}, {}};
    for (int64_t half = 0; half < 2; ++half) {
      Value row = kb.add(rows.row, 8 * half);
      rows.lse.push_back(loadLse(row, head));
      rows.delta.push_back(loadDelta(row, head, 4));
      if (a.segment)
        rows.segments.push_back(segmentOf(row));
    }
    tc.wait(tc.shared(at.ownFull), kb.index(0));
    SmallVector<Value> sums = zeros(getWidth() / 2);
    // All of the block's queries see the keys up to its first one's position.
    Value whole =
        a.segment ? kb.index(0) : kb.div(kb.add(firstRow, 1), at.step);
    for (bool masked : {false, true}) {
      sums =
          kb.loop(masked ? whole : kb.index(0), masked ? getKeyTurns() : whole,
                  1, sums, [&](Value turn, ValueRange sums) {
                    return addKeys(turn, queries, grads, rows, sums, masked);
                  });
      keepRolled(kb);
    }
    storeRows(sums, {f32(scale()), f32(scale())}, own, a.queries, head,
              a.queryHeads, a.outputs[0]);
  }

  void queryBlock(Value block) {
    // Blocks that see most keys first.
    head = kb.rem(block, a.queryHeads);
    Value rest = kb.div(block, a.queryHeads);
    batch = kb.rem(rest, a.batch);
    firstRow = kb.mul(kb.sub(kb.index(getBlocks(a) - 1), kb.div(rest, a.batch)),
                      blockRows);
    split([&] { fetchKeys(); },
          [&](Value consumer) { multiplyKeys(consumer); });
  }

  //===--------------------------------------------------------------------===//
  // The block
  //===--------------------------------------------------------------------===//

  void either(Value condition, function_ref<void()> yes,
              function_ref<void()> no) {
    auto op =
        scf::IfOp::create(kb.b, kb.loc, condition, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(kb.b);
    kb.b.setInsertionPointToStart(op.thenBlock());
    yes();
    kb.b.setInsertionPointToStart(op.elseBlock());
    no();
  }

  void split(function_ref<void()> fetchAll,
             function_ref<void(Value consumer)> multiplyAll) {
    either(
        compare(arith::CmpIPredicate::eq, group, kb.index(0)),
        [&] {
          tc.takeRegisters(/*fetches=*/true, fetchesByThreads());
          fetchAll();
        },
        [&] {
          tc.takeRegisters(/*fetches=*/false, fetchesByThreads());
          multiplyAll(kb.sub(group, kb.index(1)));
        });
  }

  void run() {
    kb.when(compare(arith::CmpIPredicate::eq, kb.thread, kb.index(0)), [&] {
      tc.initBarrier(tc.shared(at.ownFull), warpgroup);
      for (int64_t stage = 0; stage < stages; ++stage) {
        tc.initBarrier(full(kb.index(stage)), warpgroup);
        // Each thread has read its lse and Σ do o.
        tc.initBarrier(empty(kb.index(stage)), consumers * warpgroup);
      }
      tc.fenceBarriers();
    });
    gpu::synchronize(kb);
    int64_t keyBlocks = getKeyBlocks(a);
    either(
        less(kb.block, kb.index(keyBlocks)), [&] { keyBlock(kb.block); },
        [&] { queryBlock(kb.sub(kb.block, kb.index(keyBlocks))); });
  }
};

} // namespace

pg::sched::GpuLaunch getTensorGradLaunch(const Attention &a) {
  return TensorAttentionEmitter::getLaunch(
      a, getKeyBlocks(a) + getBlocks(a) * a.batch * a.queryHeads,
      Layout(a).shared.getTotal(), TensorAttentionGrad::getStep(a));
}

void emitTensorAttentionGrad(KernelBuilder &kb, const Attention &attention) {
  GradEmitter(kb, attention).run();
}

} // namespace pgc
