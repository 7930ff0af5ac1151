// Causal attention, forward, without a matrix of all scores: for each block of
// queries the keys come block by block, and maximum and sum of the softmax are
// carried along (Dao et al. 2022, arXiv 2205.14135, algorithm 1).
#include "compiler/kernels/Attention.h"
#include "compiler/kernels/Codegen.h"
#include <cmath>

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

namespace {

constexpr unsigned qOperand = 0, kOperand = 1, vOperand = 2;

/// A thread's memory. Sizes hold for every target: nothing is smaller than for
/// f32 or f64.
struct Scratch {
  int64_t keys, values, queries, scores, weights, sums, maxima, totals, factors,
      segments, total;

  explicit Scratch(const Attention &a) {
    ScratchLayout layout;
    int64_t bytes = a.operand.isF64() ? 8 : 4, lanes = a.getLanes(),
            padded = llvm::alignTo(a.width, panelColumns);
    keys = layout.take((a.positions + 1) * (padded + panelColumns), bytes);
    values = layout.take((a.positions + 1) * padded, bytes);
    queries = layout.take(lanes * padded, bytes);
    scores = layout.take(a.columns * a.getScoreStep(), bytes);
    weights = layout.take(a.columns / 2 * a.getScoreStep(), bytes);
    sums = layout.take(lanes * a.getSumStep(), bytes);
    maxima = layout.take(lanes, bytes);
    totals = layout.take(lanes, bytes);
    factors = layout.take(lanes, bytes);
    segments = layout.take(a.rows, 8);
    total = layout.getTotal();
  }
};

struct ForwardEmitter : AttentionEmitter {
  Scratch at;

  ForwardEmitter(KernelBuilder &kb, const Attention &attention)
      : AttentionEmitter(kb, attention), at(attention) {}

  int64_t valuePanel() { return grouped(a.positions) * panelColumns; }
  int64_t queryPanel() { return grouped(a.width) * panelColumns; }

  void packKeysAndValues() {
    Value zero = kb.index(0), step = kb.index(a.keyHeads * a.width),
          all = kb.index(a.positions), width = kb.index(a.width);
    tile.copyRows(operandRow(kOperand, zero, keyHead, a.keyHeads),
                  a.operands[kOperand].element, step, all, width,
                  atByte(at.keys), kb.index(rowStep()),
                  a.operands[kOperand].round);
    TilePanels panels{atByte(at.values), kb.index(panelColumns),
                      kb.index(valuePanel())};
    tile.packRows(operandRow(vOperand, zero, keyHead, a.keyHeads),
                  a.operands[vOperand].element, step, all, width, panels,
                  a.operands[vOperand].round);
  }

  /// Q transposed, in panels of lanes; lanes without a query are zero.
  void packQueries() {
    int64_t bytes =
        a.getLanes() * grouped(a.width) * kb.getElementBytes(operand());
    kb.when(compare(arith::CmpIPredicate::slt, rows, kb.index(a.rows)),
            [&] { kb.zero(atByte(at.queries), bytes); });
    forEachHead([&](Value head, Value lane) {
      Value panel = kb.index(queryPanel());
      TilePanels panels{kb.at(atByte(at.queries),
                              kb.mul(kb.div(lane, panelColumns), panel),
                              operand()),
                        kb.index(panelColumns), panel};
      tile.packColumns(operandRow(qOperand, firstRow, head, a.queryHeads),
                       a.operands[qOperand].element,
                       kb.index(a.queryHeads * a.width), rows,
                       kb.index(a.width), panels, a.operands[qOperand].round);
    });
  }

  Value lanesAt(int64_t offset, Value lane) {
    return kb.at(atByte(offset), lane, sum());
  }

  /// The largest score of some lanes, from `start`.
  SmallVector<Value> maximum(Value scores, Value keys, ArrayRef<Value> start) {
    Value even = kb.mul(kb.div(keys, 2), 2);
    SmallVector<Value> carried(start);
    carried.append(start.begin(), start.end());
    auto row = [&](Value j, unsigned v) {
      return kb.load(kb.at(kb.at(scores, kb.mul(j, a.getScoreStep()), sum()),
                           v * width(), sum()),
                     sum(), width());
    };
    carried =
        kb.loop(kb.index(0), even, 2, carried, [&](Value j, ValueRange m) {
          SmallVector<Value> next;
          for (unsigned u = 0; u < 2; ++u)
            for (unsigned v = 0; v < vectors(); ++v)
              next.push_back(
                  kb.maxf(row(kb.add(j, u), v), m[u * vectors() + v]));
          return next;
        });
    SmallVector<Value> joined;
    for (unsigned v = 0; v < vectors(); ++v)
      joined.push_back(kb.maxf(carried[v], carried[vectors() + v]));
    return kb.loop(even, keys, 1, joined, [&](Value j, ValueRange m) {
      SmallVector<Value> next;
      for (unsigned v = 0; v < vectors(); ++v)
        next.push_back(kb.maxf(row(j, v), m[v]));
      return next;
    });
  }

  /// Scores of 16 lanes become weights; returns their sums, added to `start`.
  SmallVector<Value> exponentiate(Value lane, Value keys,
                                  ArrayRef<Value> shifts,
                                  ArrayRef<Value> start) {
    Value scores = lanesAt(at.scores, lane),
          pairs = kb.at(atByte(at.weights), lane, operand());
    Value factor = kb.constant(start.front().getType(), base());
    auto weight = [&](Value j, unsigned v) {
      Value place = kb.at(kb.at(scores, kb.mul(j, a.getScoreStep()), sum()),
                          v * width(), sum());
      return std::pair(
          power(kb.fma(kb.load(place, sum(), width()), factor, shifts[v])),
          place);
    };
    if (tile.getGroup() == 1)
      return kb.loop(kb.index(0), keys, 1, start, [&](Value j, ValueRange l) {
        SmallVector<Value> next;
        for (unsigned v = 0; v < vectors(); ++v) {
          auto [p, place] = weight(j, v);
          next.push_back(kb.addf(l[v], p));
          kb.store(a.operand.isBF16() ? kb.roundToBf16(p) : p, place, sum());
        }
        return next;
      });
    return kb.loop(kb.index(0), keys, 2, start, [&](Value j, ValueRange l) {
      SmallVector<Value> next;
      Value second = kb.add(j, 1),
            present = compare(arith::CmpIPredicate::slt, second, keys);
      for (unsigned v = 0; v < vectors(); ++v) {
        Value p = weight(j, v).first,
              r = weight(
                      arith::SelectOp::create(kb.b, kb.loc, present, second, j),
                      v)
                      .first;
        r = arith::SelectOp::create(kb.b, kb.loc, present, r,
                                    kb.constant(r.getType(), 0));
        next.push_back(kb.addf(kb.addf(l[v], p), r));
        Value row =
            kb.at(pairs, kb.mul(kb.div(j, 2), a.getScoreStep()), operand());
        kb.store(joinPairs(p, r), kb.at(row, v * width(), operand()),
                 operand());
      }
      return next;
    });
  }

  /// Weights of a block of keys from its scores; maxima and totals follow.
  /// Returns whether a maximum rose (i1).
  Value softmax(Value keys) {
    Type vector = kb.getRegisterType(sum(), width());
    Value rise = kb.constant(vector, 0);
    rise = kb.loop(
        kb.index(0), kb.index(a.getLanes()), panelColumns, rise,
        [&](Value lane, ValueRange carried) {
          SmallVector<Value> before, totals, shifts;
          for (unsigned v = 0; v < vectors(); ++v)
            before.push_back(kb.load(
                lanesAt(at.maxima, kb.add(lane, v * width())), sum(), width()));
          SmallVector<Value> after =
              maximum(lanesAt(at.scores, lane), keys, before);
          Value factor = kb.constant(vector, base()), rise = carried[0];
          for (unsigned v = 0; v < vectors(); ++v) {
            Value own = kb.add(lane, v * width()),
                  difference = kb.subf(before[v], after[v]);
            Value alpha = power(kb.mulf(difference, factor));
            kb.store(alpha, lanesAt(at.factors, own), sum());
            kb.store(after[v], lanesAt(at.maxima, own), sum());
            rise = kb.minf(difference, rise);
            totals.push_back(kb.mulf(
                kb.load(lanesAt(at.totals, own), sum(), width()), alpha));
            shifts.push_back(kb.negf(kb.mulf(after[v], factor)));
          }
          totals = exponentiate(lane, keys, shifts, totals);
          for (unsigned v = 0; v < vectors(); ++v)
            kb.store(totals[v], lanesAt(at.totals, kb.add(lane, v * width())),
                     sum());
          return SmallVector<Value>{rise};
        })[0];
    Value least = kb.negf(kb.maxLanes(kb.negf(rise)));
    // Written so that NaN counts as a rise.
    return arith::CmpFOp::create(kb.b, kb.loc, arith::CmpFPredicate::UNE, least,
                                 kb.constant(sum(), 0));
  }

  /// Sums so far, in units of the new maxima.
  void rescale() {
    kb.loop(kb.index(0), kb.index(a.getLanes()), 1, [&](Value lane) {
      Value alpha =
          kb.splat(kb.load(lanesAt(at.factors, lane), sum()), width());
      Value row = kb.at(atByte(at.sums), kb.mul(lane, a.getSumStep()), sum());
      kb.loop(kb.index(0), kb.index(a.getSumStep()), width(), [&](Value d) {
        Value place = kb.at(row, d, sum());
        kb.store(kb.mulf(kb.load(place, sum(), width()), alpha), place, sum());
      });
    });
  }

  void keyBlock(Value first) {
    Value keys = kb.min(kb.index(a.columns), kb.sub(end, first)),
          lanes = kb.index(a.getLanes());
    Value scoreStep = kb.index(a.getScoreStep()), width = kb.index(a.width);
    TileA keyRows{kb.at(atByte(at.keys), kb.mul(first, rowStep()), operand()),
                  kb.index(rowStep()), Value()};
    TileB queries{atByte(at.queries), kb.index(panelColumns),
                  kb.index(queryPanel())};
    tile.multiply(keyRows, queries, {atByte(at.scores), scoreStep}, keys, lanes,
                  kb.index(grouped(a.width)), no());
    maskScores(atByte(at.scores), first, keys);
    Value rescales = softmax(keys);
    kb.when(rescales, [&] { rescale(); });
    TileA weights{atByte(tile.getGroup() == 1 ? at.scores : at.weights),
                  scoreStep, kb.index(tileRows)};
    Value from = tile.getGroup() == 1 ? first : kb.div(first, 2);
    TileB values{
        kb.at(atByte(at.values), kb.mul(from, panelColumns), operand()),
        kb.index(panelColumns), kb.index(valuePanel())};
    tile.multiply(weights, values, {atByte(at.sums), kb.index(a.getSumStep())},
                  lanes, width, grouped(keys), kb.integer(kb.b.getI1Type(), 1));
  }

  void queryBlock() {
    packQueries();
    if (a.segment)
      loadSegments(at.segments);
    int64_t bytes = kb.getElementBytes(sum());
    kb.zero(atByte(at.sums), a.getLanes() * a.getSumStep() * bytes);
    kb.zero(atByte(at.totals), a.getLanes() * bytes);
    Type vector = kb.getRegisterType(sum(), width());
    forEachLanes([&](Value lane) {
      kb.store(kb.constant(vector, -1e30), lanesAt(at.maxima, lane), sum());
    });
    kb.loop(kb.index(0), end, a.columns, [&](Value first) { keyBlock(first); });
    finish();
  }

  /// o = sums / totals, lse = maximum scale + log totals.
  void finish() {
    Type vector = kb.getRegisterType(sum(), width());
    Value scale =
        kb.constant(vector, 1 / std::sqrt(static_cast<double>(a.width)));
    forEachLanes([&](Value lane) {
      Value total = kb.load(lanesAt(at.totals, lane), sum(), width()),
            max = kb.load(lanesAt(at.maxima, lane), sum(), width());
      kb.store(kb.divf(kb.constant(vector, 1), total),
               lanesAt(at.factors, lane), sum());
      kb.store(kb.addf(kb.mulf(max, scale), kb.log(total)),
               lanesAt(at.maxima, lane), sum());
    });
    forEachHead([&](Value head, Value firstLane) {
      kb.loop(kb.index(0), rows, 1, [&](Value i) {
        Value lane = kb.add(firstLane, i), row = kb.add(firstRow, i);
        Value from =
            kb.at(atByte(at.sums), kb.mul(lane, a.getSumStep()), sum());
        Value factor = kb.load(lanesAt(at.factors, lane), sum());
        for (const AttentionOutput &o : a.outputs[0])
          storeRow(from, factor,
                   rowOf(kb.buffers[o.buffer], o.element, row, head,
                         a.queryHeads, a.queries),
                   o.element);
        Value place = kb.add(
            kb.mul(kb.add(kb.mul(batch, a.queries), row), a.queryHeads), head);
        for (const AttentionOutput &o : a.outputs[1])
          kb.store(
              kb.convert(kb.load(lanesAt(at.maxima, lane), sum()), o.element),
              kb.at(kb.buffers[o.buffer], place, o.element), o.element);
      });
    });
  }

  void run() {
    int64_t subgroups = a.getGroup() / a.heads;
    Value unit = kb.div(kb.chunk, a.parts), part = kb.rem(kb.chunk, a.parts);
    Value subgroup = kb.rem(unit, subgroups), group = kb.div(unit, subgroups);
    keyHead = kb.rem(group, a.keyHeads);
    batch = kb.div(group, a.keyHeads);
    Value head =
        kb.add(kb.mul(keyHead, a.getGroup()), kb.mul(subgroup, a.heads));
    packKeysAndValues();
    // Every so many blocks: later ones see more keys.
    kb.loop(part, kb.index(a.getRowBlocks()), a.parts, [&](Value block) {
      beginRows(head, kb.mul(block, a.rows));
      queryBlock();
    });
  }
};

/// In how many shares the blocks of queries of a head are computed: enough for
/// a few threads, as long as copying keys and values for each costs little.
FailureOr<Attention> analyzeForward(KernelOp kernel) {
  FailureOr<Attention> attention = analyzeAttention(kernel, "pg.attention");
  if (failed(attention))
    return failure();
  int64_t units = attention->batch * attention->queryHeads / attention->heads;
  int64_t cheap = attention->queries * attention->heads / 320;
  int64_t wanted = llvm::divideCeil(16, units);
  attention->parts = std::max<int64_t>(
      1, std::min({wanted, cheap, attention->getRowBlocks()}));
  return attention;
}

} // namespace

LogicalResult planAttentionKernel(KernelOp kernel) {
  FailureOr<Attention> a = analyzeForward(kernel);
  if (failed(a))
    return failure();
  return setAttentionPlan(kernel, *a,
                          a->batch * a->queryHeads / a->heads * a->parts,
                          Scratch(*a).total, 2);
}

LogicalResult emitAttentionKernel(KernelOp kernel, const Target &target,
                                  ModuleOp out) {
  FailureOr<Attention> a = analyzeForward(kernel);
  if (failed(a))
    return failure();
  KernelBuilder kb(kernel, target, out);
  ForwardEmitter(kb, *a).run();
  kb.finish();
  return success();
}

} // namespace pgc
