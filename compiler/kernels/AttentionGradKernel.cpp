// The gradient of causal attention: weights are computed again from the scores
// and lse, block by block (Dao et al. 2022, arXiv 2205.14135, algorithm 4). A
// chunk owns a key head, so that all its sums have one order.
#include "compiler/kernels/Attention.h"
#include "compiler/kernels/Codegen.h"
#include <cmath>

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

namespace {

constexpr unsigned qOperand = 0, kOperand = 1, vOperand = 2, oOperand = 3,
                   lseOperand = 4, doOperand = 5;

/// A thread's memory. Sizes hold for every target: nothing is smaller than for
/// f32 or f64.
struct Scratch {
  // Of the key head: [T, D] of keys and values by rows, keys as panels of
  // pairs, sums of dk and dv.
  int64_t keys, values, keyPairs, dk, dv;
  // Of a block of queries: q and do transposed in panels of lanes, and as
  // panels of D; sums of dq; lse and delta.
  int64_t queries, grads, queryPanels, gradPanels, dq, lse, delta, segments;
  // Of a block of keys: scores or weights and their gradient, [keys, lanes];
  // the same as bf16, and its pairs along keys.
  int64_t weights, changes, weightRows, changeRows, changePairs;
  int64_t total;

  explicit Scratch(const Attention &a) {
    ScratchLayout layout;
    int64_t bytes = a.operand.isF64() ? 8 : 4, lanes = a.getLanes(),
            padded = llvm::alignTo(a.width, panelColumns);
    int64_t scores = a.columns * a.getScoreStep();
    bool pairs = a.operand.isBF16();
    keys = layout.take((a.positions + 1) * (padded + panelColumns), bytes);
    values = layout.take((a.positions + 1) * (padded + panelColumns), bytes);
    keyPairs = layout.take(pairs ? (a.positions + 1) / 2 * padded : 0, bytes);
    dk = layout.take(a.positions * a.getSumStep(), bytes);
    dv = layout.take(a.positions * a.getSumStep(), bytes);
    queries = layout.take(lanes * padded, bytes);
    grads = layout.take(lanes * padded, bytes);
    queryPanels = layout.take(lanes * padded, bytes);
    gradPanels = layout.take(lanes * padded, bytes);
    dq = layout.take(lanes * a.getSumStep(), bytes);
    lse = layout.take(lanes, bytes);
    delta = layout.take(lanes, bytes);
    segments = layout.take(a.rows, 8);
    weights = layout.take(scores, bytes);
    changes = layout.take(scores, bytes);
    weightRows = layout.take(pairs ? scores : 0, 2);
    changeRows = layout.take(pairs ? scores : 0, 2);
    changePairs = layout.take(pairs ? scores / 2 : 0, 4);
    total = layout.getTotal();
  }
};

struct GradEmitter : AttentionEmitter {
  Scratch at;

  GradEmitter(KernelBuilder &kb, const Attention &attention)
      : AttentionEmitter(kb, attention), at(attention) {}

  bool pairs() { return tile.getGroup() == 2; }
  int64_t keyPanel() { return grouped(a.positions) * panelColumns; }
  int64_t lanePanel() {
    return grouped(a.width) * panelColumns;
  } // of panels whose columns are lanes
  int64_t widthPanel() {
    return grouped(a.getLanes()) * panelColumns;
  } // of panels whose columns are D
  Value lanesAt(int64_t offset, Value lane) {
    return kb.at(atByte(offset), lane, sum());
  }

  void packKeysAndValues() {
    Value zero = kb.index(0), step = kb.index(a.keyHeads * a.width),
          all = kb.index(a.positions), width = kb.index(a.width);
    for (auto [operandIndex, place] :
         {std::pair(kOperand, at.keys), std::pair(vOperand, at.values)})
      tile.copyRows(operandRow(operandIndex, zero, keyHead, a.keyHeads),
                    a.operands[operandIndex].element, step, all, width,
                    atByte(place), kb.index(rowStep()),
                    a.operands[operandIndex].round);
    if (pairs())
      tile.packRows(
          operandRow(kOperand, zero, keyHead, a.keyHeads),
          a.operands[kOperand].element, step, all, width,
          {atByte(at.keyPairs), kb.index(panelColumns), kb.index(keyPanel())},
          a.operands[kOperand].round);
    int64_t bytes = a.positions * a.getSumStep() * kb.getElementBytes(sum());
    kb.zero(atByte(at.dk), bytes);
    kb.zero(atByte(at.dv), bytes);
  }

  /// q or do of the block, in both orders; lanes without a query are zero.
  void packLanes(unsigned index, int64_t transposed, int64_t panels) {
    const AttentionOperand &operandOf = a.operands[index];
    int64_t bytes = a.getLanes() * llvm::alignTo(a.width, panelColumns) *
                    (a.operand.isF64() ? 8 : 4);
    kb.when(compare(arith::CmpIPredicate::slt, rows, kb.index(a.rows)), [&] {
      kb.zero(atByte(transposed), bytes);
      kb.zero(atByte(panels), bytes);
    });
    forEachHead([&](Value head, Value lane) {
      Value source = operandRow(index, firstRow, head, a.queryHeads);
      Value step = kb.index(a.queryHeads * a.width), width = kb.index(a.width);
      Value across =
          kb.at(atByte(transposed),
                kb.mul(kb.div(lane, panelColumns), lanePanel()), operand());
      tile.packColumns(source, operandOf.element, step, rows, width,
                       {across, kb.index(panelColumns), kb.index(lanePanel())},
                       operandOf.round);
      Value down =
          kb.at(atByte(panels),
                kb.mul(kb.div(lane, tile.getGroup()), panelColumns), operand());
      tile.packRows(source, operandOf.element, step, rows, width,
                    {down, kb.index(panelColumns), kb.index(widthPanel())},
                    operandOf.round);
    });
  }

  /// The sum over D of do o of a position, in the order of vectors, then of
  /// what is left.
  Value dotRow(Value x, Type xElement, bool roundX, Value y, Type yElement) {
    auto part = [&](Value acc, int64_t low, int64_t high, unsigned lanes) {
      return kb.loop(
          kb.index(low), kb.index(high), lanes, acc,
          [&](Value d, ValueRange acc) {
            Value xs = kb.load(kb.at(x, d, xElement), xElement, lanes),
                  ys = kb.load(kb.at(y, d, yElement), yElement, lanes);
            if (roundX)
              xs = kb.roundToBf16(xs);
            return SmallVector<Value>{
                kb.fma(kb.convert(xs, sum()), kb.convert(ys, sum()), acc[0])};
          })[0];
    };
    int64_t whole = a.width / width() * width();
    Value acc = part(kb.constant(kb.getRegisterType(sum(), width()), 0), 0,
                     whole, width());
    return part(kb.sumLanes(acc), whole, a.width, 1);
  }

  /// lse, in units of the exponent's base, and delta = Σ do o of each lane; 0
  /// without a query.
  void loadRowSums() {
    const AttentionOperand &lse = a.operands[lseOperand],
                           &dOut = a.operands[doOperand],
                           &out = a.operands[oOperand];
    double factor = sum().isF64() ? 1 : 1.44269504088896341;
    kb.zero(atByte(at.lse), a.getLanes() * kb.getElementBytes(sum()));
    kb.zero(atByte(at.delta), a.getLanes() * kb.getElementBytes(sum()));
    forEachHead([&](Value head, Value firstLane) {
      kb.loop(kb.index(0), rows, 1, [&](Value i) {
        Value lane = kb.add(firstLane, i), position = kb.add(firstRow, i);
        Value place = kb.add(
            kb.mul(kb.add(kb.mul(batch, a.positions), position), a.queryHeads),
            head);
        Value x =
            kb.convert(kb.load(kb.at(kb.buffers[lse.index], place, lse.element),
                               lse.element),
                       sum());
        kb.store(kb.mulf(x, kb.constant(sum(), factor)), lanesAt(at.lse, lane),
                 sum());
        Value dot = dotRow(operandRow(doOperand, position, head, a.queryHeads),
                           dOut.element, dOut.round,
                           operandRow(oOperand, position, head, a.queryHeads),
                           out.element);
        kb.store(dot, lanesAt(at.delta, lane), sum());
      });
    });
  }

  /// Scores become weights P = exp(S scale - lse), their gradients dS = P (dP -
  /// delta), of one vector; the pair is returned.
  std::pair<Value, Value> weigh(Value place, Value lse, Value delta) {
    Value score =
        kb.load(kb.at(atByte(at.weights), place, sum()), sum(), width());
    Value p = power(kb.fma(score, kb.constant(score.getType(), base()), lse));
    Value change =
        kb.load(kb.at(atByte(at.changes), place, sum()), sum(), width());
    return {p, kb.mulf(p, kb.subf(change, delta))};
  }

  void weighBlock(Value keys) {
    Type half = kb.b.getBF16Type();
    kb.loop(kb.index(0), kb.index(a.getLanes()), panelColumns, [&](Value lane) {
      SmallVector<Value> lse, delta;
      for (unsigned v = 0; v < vectors(); ++v) {
        lse.push_back(kb.negf(kb.load(
            lanesAt(at.lse, kb.add(lane, v * width())), sum(), width())));
        delta.push_back(kb.load(lanesAt(at.delta, kb.add(lane, v * width())),
                                sum(), width()));
      }
      kb.loop(kb.index(0), keys, tile.getGroup(), [&](Value j) {
        for (unsigned v = 0; v < vectors(); ++v) {
          Value own = kb.add(lane, v * width()),
                place = kb.add(kb.mul(j, a.getScoreStep()), own);
          auto [p, ds] = weigh(place, lse[v], delta[v]);
          if (!pairs()) {
            bool round = a.operand.isBF16();
            kb.store(round ? kb.roundToBf16(p) : p,
                     kb.at(atByte(at.weights), place, sum()), sum());
            kb.store(round ? kb.roundToBf16(ds) : ds,
                     kb.at(atByte(at.changes), place, sum()), sum());
            continue;
          }
          // Rows past the keys hold numbers of earlier blocks: their weights
          // are not used, their changes are set to 0.
          Value second = kb.add(j, 1),
                present = compare(arith::CmpIPredicate::slt, second, keys);
          Value secondPlace = kb.add(place, a.getScoreStep());
          auto [p2, ds2] = weigh(arith::SelectOp::create(kb.b, kb.loc, present,
                                                         secondPlace, place),
                                 lse[v], delta[v]);
          ds2 = arith::SelectOp::create(kb.b, kb.loc, present, ds2,
                                        kb.constant(ds2.getType(), 0));
          kb.store(p, kb.at(atByte(at.weightRows), place, half), half);
          kb.store(p2, kb.at(atByte(at.weightRows), secondPlace, half), half);
          kb.store(ds, kb.at(atByte(at.changeRows), place, half), half);
          kb.store(ds2, kb.at(atByte(at.changeRows), secondPlace, half), half);
          Value pair = kb.add(kb.mul(kb.div(j, 2), a.getScoreStep()), own);
          kb.store(joinPairs(ds, ds2),
                   kb.at(atByte(at.changePairs), pair, operand()), operand());
        }
      });
    });
  }

  void keyBlock(Value first) {
    Value keys = kb.min(kb.index(a.columns), kb.sub(end, first)),
          lanes = kb.index(a.getLanes()), width = kb.index(a.width);
    Value scoreStep = kb.index(a.getScoreStep()),
          sumStep = kb.index(a.getSumStep()), panel = kb.index(panelColumns);
    Value depth = kb.index(grouped(a.width)),
          yes = kb.integer(kb.b.getI1Type(), 1);
    auto rowsOf = [&](int64_t offset) {
      return TileA{kb.at(atByte(offset), kb.mul(first, rowStep()), operand()),
                   kb.index(rowStep()), Value()};
    };
    // S^T = K Q^T and dP^T = V dO^T.
    tile.multiply(rowsOf(at.keys),
                  {atByte(at.queries), panel, kb.index(lanePanel())},
                  {atByte(at.weights), scoreStep}, keys, lanes, depth, no());
    maskScores(atByte(at.weights), first, keys);
    tile.multiply(rowsOf(at.values),
                  {atByte(at.grads), panel, kb.index(lanePanel())},
                  {atByte(at.changes), scoreStep}, keys, lanes, depth, no());
    weighBlock(keys);
    // dV += P^T dO, dK += dS^T Q, dQ += dS K.
    auto sumsOf = [&](int64_t offset) {
      return TileC{kb.at(atByte(offset), kb.mul(first, a.getSumStep()), sum()),
                   sumStep};
    };
    Value step = kb.index(a.getScoreStep() / tile.getGroup()),
          laneDepth = kb.index(grouped(a.getLanes()));
    Value widthStep = kb.index(widthPanel());
    tile.multiply({atByte(pairs() ? at.weightRows : at.weights), step, Value()},
                  {atByte(at.gradPanels), panel, widthStep}, sumsOf(at.dv),
                  keys, width, laneDepth, yes);
    tile.multiply({atByte(pairs() ? at.changeRows : at.changes), step, Value()},
                  {atByte(at.queryPanels), panel, widthStep}, sumsOf(at.dk),
                  keys, width, laneDepth, yes);
    TileB keysDown{kb.at(atByte(at.keys), kb.mul(first, rowStep()), operand()),
                   kb.index(rowStep()), panel};
    if (pairs())
      keysDown = {kb.at(atByte(at.keyPairs),
                        kb.mul(kb.div(first, 2), panelColumns), operand()),
                  panel, kb.index(keyPanel())};
    tile.multiply({atByte(pairs() ? at.changePairs : at.changes), scoreStep,
                   kb.index(tileRows)},
                  keysDown, {atByte(at.dq), sumStep}, lanes, width,
                  grouped(keys), yes);
  }

  void queryBlock() {
    packLanes(qOperand, at.queries, at.queryPanels);
    packLanes(doOperand, at.grads, at.gradPanels);
    loadRowSums();
    if (a.segment)
      loadSegments(at.segments);
    kb.zero(atByte(at.dq),
            a.getLanes() * a.getSumStep() * kb.getElementBytes(sum()));
    kb.loop(kb.index(0), end, a.columns, [&](Value first) { keyBlock(first); });
    forEachHead([&](Value head, Value firstLane) {
      kb.loop(kb.index(0), rows, 1, [&](Value i) {
        Value from = kb.at(atByte(at.dq),
                           kb.mul(kb.add(firstLane, i), a.getSumStep()), sum());
        for (const AttentionOutput &dq : a.outputs[0])
          storeRow(from, scale(),
                   rowOf(kb.buffers[dq.buffer], dq.element, kb.add(firstRow, i),
                         head, a.queryHeads, a.queries),
                   dq.element);
      });
    });
  }

  Value scale() {
    return kb.constant(sum(), 1 / std::sqrt(static_cast<double>(a.width)));
  }

  void run() {
    keyHead = kb.rem(kb.chunk, a.keyHeads);
    batch = kb.div(kb.chunk, a.keyHeads);
    packKeysAndValues();
    kb.loop(kb.index(0), kb.index(a.getGroup()), a.heads, [&](Value head) {
      kb.loop(kb.index(0), kb.index(a.getRowBlocks()), 1, [&](Value block) {
        beginRows(kb.add(kb.mul(keyHead, a.getGroup()), head),
                  kb.mul(block, a.rows));
        queryBlock();
      });
    });
    kb.loop(kb.index(0), kb.index(a.positions), 1, [&](Value j) {
      auto store = [&](int64_t offset, Value factor,
                       ArrayRef<AttentionOutput> outputs) {
        Value from = kb.at(atByte(offset), kb.mul(j, a.getSumStep()), sum());
        for (const AttentionOutput &out : outputs)
          storeRow(from, factor,
                   rowOf(kb.buffers[out.buffer], out.element, j, keyHead,
                         a.keyHeads, a.positions),
                   out.element);
      };
      store(at.dk, scale(), a.outputs[1]);
      store(at.dv, kb.constant(sum(), 1), a.outputs[2]);
    });
  }
};

} // namespace

LogicalResult planAttentionGradKernel(KernelOp kernel) {
  FailureOr<Attention> a = analyzeAttention(kernel, "pg.attention_grad");
  if (failed(a))
    return failure();
  return setAttentionPlan(kernel, *a, a->batch * a->keyHeads, Scratch(*a).total,
                          5);
}

LogicalResult emitAttentionGradKernel(KernelOp kernel, const Target &target,
                                      ModuleOp out) {
  FailureOr<Attention> a = analyzeAttention(kernel, "pg.attention_grad");
  if (failed(a))
    return failure();
  KernelBuilder kb(kernel, target, out);
  GradEmitter(kb, *a).run();
  kb.finish();
  return success();
}

} // namespace pgc
