#include "compiler/gpu/GpuAttention.h"
#include "compiler/gpu/TensorCore.h"
#include <cmath>

using namespace mlir;

namespace pgc {

namespace {

enum Operand : unsigned { Q, K, V, O, Lse, DO };

/// What the warps of both kernels do.
struct WarpEmitter {
  KernelBuilder &kb;
  const Attention &a;
  TensorCore tc;
  Type sum; // f32 or f64
  Value lane, unit, batch;

  WarpEmitter(KernelBuilder &kb, const Attention &a)
      : kb(kb), a(a), tc(kb),
        sum(a.operand.isF64() ? a.operand : Type(kb.b.getF32Type())) {}

  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(kb.b, kb.loc, predicate, x, y);
  }
  Value less(Value x, Value y) {
    return compare(arith::CmpIPredicate::slt, x, y);
  }
  Value both(Value x, Value y) {
    return arith::AndIOp::create(kb.b, kb.loc, x, y);
  }
  Value choose(Value condition, Value x, Value y) {
    return arith::SelectOp::create(kb.b, kb.loc, condition, x, y);
  }
  Value number(double x) { return kb.constant(sum, x); }
  double scale() const { return 1 / std::sqrt(static_cast<double>(a.width)); }
  /// What a weight counts as in products.
  Value rounded(Value x) { return a.operand.isBF16() ? kb.roundToBf16(x) : x; }

  /// The element at `place` of an operand, as it is multiplied.
  Value load(unsigned i, Value place) {
    const AttentionOperand &operand = a.operands[i];
    Value x = kb.load(kb.at(kb.buffers[operand.index], place, operand.element),
                      operand.element);
    return kb.convert(operand.round ? kb.roundToBf16(x) : x, sum);
  }
  /// Where row (batch, row, head) of [B, rows, heads, D] begins.
  Value rowAt(Value row, Value head, int64_t rows, int64_t heads) {
    return kb.mul(kb.add(kb.mul(kb.add(kb.mul(batch, rows), row), heads), head),
                  a.width);
  }
  Value queryRow(Value row, Value head) {
    return rowAt(row, head, a.queries, a.queryHeads);
  }
  Value keyRow(Value row, Value head) {
    return rowAt(row, head, a.positions, a.keyHeads);
  }
  /// Element (batch, row, head) of lse.
  Value loadLse(Value row, Value head) {
    return load(
        Lse, kb.add(kb.mul(kb.add(kb.mul(batch, a.queries), row), a.queryHeads),
                    head));
  }
  Value segmentOf(Value position) {
    Type word = kb.b.getI64Type();
    return kb.load(kb.at(kb.buffers[a.segment->index],
                         kb.add(kb.mul(batch, a.positions), position), word),
                   word);
  }

  /// Σ over D of x y, in the lane.
  Value dot(unsigned x, Value xRow, unsigned y, Value yRow) {
    SmallVector<Value> sum = kb.loop(
        kb.index(0), kb.index(a.width), 1, number(0),
        [&](Value d, ValueRange sum) {
          return SmallVector<Value>{kb.fma(load(x, kb.add(xRow, d)),
                                           load(y, kb.add(yRow, d)), sum[0])};
        });
    keepRolled(kb);
    return sum.front();
  }

  /// A row of D as one number for each 32 lanes.
  int64_t getParts() const { return llvm::divideCeil(a.width, 32); }
  SmallVector<Value> zeros() {
    return SmallVector<Value>(getParts(), number(0));
  }
  /// The lane's place in part `i`, inside the row.
  Value column(int64_t i) {
    Value d = kb.add(lane, 32 * i);
    return 32 * (i + 1) <= a.width ? d : kb.min(d, kb.index(a.width - 1));
  }
  /// sums + Σ over j < count of weight(lane j) row(j).
  SmallVector<Value> addRows(ValueRange sums, Value weight, Value count,
                             unsigned operand,
                             function_ref<Value(Value j)> row) {
    return kb.loop(kb.index(0), count, 1, sums, [&](Value j, ValueRange sums) {
      Value own = tc.shuffle(weight, j), from = row(j);
      SmallVector<Value> next;
      for (int64_t i = 0; i < getParts(); ++i)
        next.push_back(
            kb.fma(own, load(operand, kb.add(from, column(i))), sums[i]));
      return next;
    });
  }
  void storeRow(ValueRange sums, Value factor, Value row,
                ArrayRef<AttentionOutput> outputs) {
    for (int64_t i = 0; i < getParts(); ++i) {
      auto store = [&] {
        for (const AttentionOutput &out : outputs)
          kb.store(kb.convert(kb.mulf(sums[i], factor), out.element),
                   kb.at(kb.buffers[out.buffer],
                         kb.add(row, kb.add(lane, 32 * i)), out.element),
                   out.element);
      };
      if (32 * (i + 1) <= a.width)
        store();
      else
        kb.when(less(kb.add(lane, 32 * i), kb.index(a.width)), store);
    }
  }

  void findUnit() {
    Value thread = kb.thread;
    lane = kb.rem(thread, 32);
    unit = kb.add(kb.mul(kb.block, PlainAttention::warps), kb.div(thread, 32));
  }
};

struct ForwardEmitter : WarpEmitter {
  using WarpEmitter::WarpEmitter;

  void row(Value row, Value head) {
    Value keyHead = kb.div(head, a.getGroup()), from = queryRow(row, head);
    Value position = kb.add(row, a.getFirstPosition()),
          end = kb.add(position, 1);
    Value segment = a.segment ? segmentOf(position) : Value();
    SmallVector<Value> state{number(-1e30), number(0)};
    state.append(zeros());
    state = kb.loop(
        kb.index(0), end, 32, state, [&](Value first, ValueRange state) {
          Value key = kb.add(first, lane), seen = less(key, end);
          key = choose(seen, key, kb.index(0));
          if (a.segment)
            seen = both(seen, compare(arith::CmpIPredicate::eq, segmentOf(key),
                                      segment));
          Value score = dot(Q, from, K, keyRow(key, keyHead));
          score = choose(seen, kb.mulf(score, number(scale())), number(-1e30));
          Value maximum = kb.maxf(state[0], tc.maximumOfLanes(score));
          Value alpha = kb.exp(kb.subf(state[0], maximum));
          Value weight =
              choose(seen, kb.exp(kb.subf(score, maximum)), number(0));
          SmallVector<Value> next{maximum, kb.addf(kb.mulf(state[1], alpha),
                                                   tc.sumOfLanes(weight))};
          SmallVector<Value> sums;
          for (Value sum : state.drop_front(2))
            sums.push_back(kb.mulf(sum, alpha));
          next.append(addRows(
              sums, rounded(weight), kb.min(kb.index(32), kb.sub(end, first)),
              V, [&](Value j) { return keyRow(kb.add(first, j), keyHead); }));
          return next;
        });
    storeRow(ArrayRef(state).drop_front(2), kb.divf(number(1), state[1]), from,
             a.outputs[0]);
    Value lse = kb.addf(state[0], kb.log(state[1]));
    kb.when(compare(arith::CmpIPredicate::eq, lane, kb.index(0)), [&] {
      for (const AttentionOutput &out : a.outputs[1])
        kb.store(kb.convert(lse, out.element),
                 kb.at(kb.buffers[out.buffer], unit, out.element), out.element);
    });
  }

  void run() {
    findUnit();
    int64_t units = a.batch * a.queries * a.queryHeads;
    kb.when(less(unit, kb.index(units)), [&] {
      Value rest = kb.div(unit, a.queryHeads);
      batch = kb.div(rest, a.queries);
      row(kb.rem(rest, a.queries), kb.rem(unit, a.queryHeads));
    });
  }
};

struct GradEmitter : WarpEmitter {
  using WarpEmitter::WarpEmitter;

  /// The weight of a pair and its gradient: P = exp(S scale - lse), dS = P (dP
  /// - Σ do o), of a lane's pair; 0 if it is not `seen`.
  std::pair<Value, Value> weigh(Value seen, Value query, Value key, Value lse,
                                Value delta) {
    Value score = dot(Q, query, K, key), change = dot(DO, query, V, key);
    Value weight = kb.exp(kb.subf(kb.mulf(score, number(scale())), lse));
    weight = choose(seen, weight, number(0));
    change = choose(seen, kb.mulf(weight, kb.subf(change, delta)), number(0));
    return {rounded(weight), rounded(change)};
  }
  /// Σ do o as the forward pass multiplied them.
  Value deltaOf(Value row) { return dot(DO, row, O, row); }

  void queries(Value row, Value head) {
    Value keyHead = kb.div(head, a.getGroup()), from = queryRow(row, head);
    Value end = kb.add(row, 1), lse = loadLse(row, head), delta = deltaOf(from);
    Value segment = a.segment ? segmentOf(row) : Value();
    SmallVector<Value> sums = kb.loop(
        kb.index(0), end, 32, zeros(), [&](Value first, ValueRange sums) {
          Value key = kb.add(first, lane), seen = less(key, end);
          key = choose(seen, key, kb.index(0));
          if (a.segment)
            seen = both(seen, compare(arith::CmpIPredicate::eq, segmentOf(key),
                                      segment));
          Value change =
              weigh(seen, from, keyRow(key, keyHead), lse, delta).second;
          return addRows(
              sums, change, kb.min(kb.index(32), kb.sub(end, first)), K,
              [&](Value j) { return keyRow(kb.add(first, j), keyHead); });
        });
    storeRow(sums, number(scale()), from, a.outputs[0]);
  }

  void keys(Value key, Value keyHead) {
    Value own = keyRow(key, keyHead);
    Value segment = a.segment ? segmentOf(key) : Value();
    SmallVector<Value> state = zeros();
    state.append(zeros());
    state = kb.loop(kb.index(0), kb.index(a.getGroup()), 1, state,
                    [&](Value g, ValueRange state) {
                      Value head = kb.add(kb.mul(keyHead, a.getGroup()), g);
                      return kb.loop(key, kb.index(a.positions), 32, state,
                                     [&](Value first, ValueRange state) {
                                       return addQueries(first, head, key, own,
                                                         segment, state);
                                     });
                    });
    storeRow(ArrayRef(state).take_front(getParts()), number(scale()), own,
             a.outputs[1]);
    storeRow(ArrayRef(state).drop_front(getParts()), number(1), own,
             a.outputs[2]);
  }

  /// dk and dv of a key, with what 32 queries of a head add.
  SmallVector<Value> addQueries(Value first, Value head, Value key, Value own,
                                Value segment, ValueRange state) {
    Value row = kb.add(first, lane), all = kb.index(a.positions);
    Value seen = less(row, all);
    row = choose(seen, row, key);
    if (a.segment)
      seen = both(seen,
                  compare(arith::CmpIPredicate::eq, segmentOf(row), segment));
    Value from = queryRow(row, head);
    auto [weight, change] =
        weigh(seen, from, own, loadLse(row, head), deltaOf(from));
    Value count = kb.min(kb.index(32), kb.sub(all, first));
    auto rowOf = [&](Value i) { return queryRow(kb.add(first, i), head); };
    SmallVector<Value> next =
        addRows(state.take_front(getParts()), change, count, Q, rowOf);
    next.append(
        addRows(state.drop_front(getParts()), weight, count, DO, rowOf));
    return next;
  }

  void run() {
    findUnit();
    int64_t queryUnits = a.batch * a.queries * a.queryHeads,
            keyUnits = a.batch * a.positions * a.keyHeads;
    kb.when(less(unit, kb.index(queryUnits)), [&] {
      Value rest = kb.div(unit, a.queryHeads);
      batch = kb.div(rest, a.queries);
      queries(kb.rem(rest, a.queries), kb.rem(unit, a.queryHeads));
    });
    Value keyUnit = kb.sub(unit, kb.index(queryUnits));
    Value isKey = both(compare(arith::CmpIPredicate::sge, keyUnit, kb.index(0)),
                       less(keyUnit, kb.index(keyUnits)));
    kb.when(isKey, [&] {
      Value rest = kb.div(keyUnit, a.keyHeads);
      batch = kb.div(rest, a.positions);
      keys(kb.rem(rest, a.positions), kb.rem(keyUnit, a.keyHeads));
    });
  }
};

} // namespace

pg::sched::GpuLaunch getPlainLaunch(const Attention &a, bool gradient) {
  int64_t units = a.batch * a.queries * a.queryHeads;
  if (gradient)
    units += a.batch * a.positions * a.keyHeads;
  pg::sched::GpuLaunch launch;
  launch.grid[0] = llvm::divideCeil(units, PlainAttention::warps);
  launch.threads = PlainAttention::threads;
  return launch;
}

void emitPlainAttention(KernelBuilder &kb, const Attention &attention) {
  ForwardEmitter(kb, attention).run();
}

void emitPlainAttentionGrad(KernelBuilder &kb, const Attention &attention) {
  GradEmitter(kb, attention).run();
}

} // namespace pgc
