// What attention and its gradient on tensor cores consist of.
#include "compiler/gpu/GpuAttention.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <cmath>

using namespace mlir;

namespace pgc {

/// The operands that are tiles: q, k, v, and do.
static constexpr unsigned tileOperands[] = {0, 1, 2, 5};

static bool isOfKeys(unsigned operand) { return operand == 1 || operand == 2; }

bool usesTensorCores(const Attention &a) {
  return a.operand.isBF16() && a.width <= 128;
}

bool TensorAttentionEmitter::isBulk(const Attention &a, unsigned operand) {
  return a.operands[operand].element.isBF16() && a.width % 8 == 0;
}

pg::sched::TensorMap TensorAttentionEmitter::getMap(const Attention &a,
                                                    unsigned operand,
                                                    int64_t boxRows) {
  int64_t heads = isOfKeys(operand) ? a.keyHeads : a.queryHeads,
          positions = isOfKeys(operand) ? a.positions : a.queries;
  pg::sched::TensorMap map;
  map.buffer = a.operands[operand].index;
  map.type = a.operands[operand].element;
  map.sizes = {a.width, heads, positions, a.batch};
  map.strides = {2 * a.width, 2 * a.width * heads,
                 2 * a.width * heads * positions};
  map.box = {slabColumns, 1, boxRows, 1};
  map.swizzle = 128;
  return map;
}

pg::sched::GpuLaunch TensorAttentionEmitter::getLaunch(const Attention &a,
                                                       int64_t blocks,
                                                       int64_t sharedBytes,
                                                       int64_t boxRows) {
  pg::sched::GpuLaunch launch;
  launch.grid[0] = blocks;
  launch.threads = (1 + consumers) * warpgroup;
  launch.sharedBytes = sharedBytes;
  for (unsigned operand : tileOperands)
    if (operand < a.operands.size() && isBulk(a, operand))
      launch.tensorMaps.push_back(getMap(a, operand, boxRows));
  return launch;
}

TensorAttentionEmitter::TensorAttentionEmitter(KernelBuilder &kb,
                                               const Attention &attention,
                                               int64_t boxRows)
    : kb(kb), a(attention), tc(kb), boxRows(boxRows),
      maps(attention.operands.size()) {
  size_t next = 0;
  for (unsigned operand : tileOperands)
    if (operand < maps.size() && isBulk(a, operand))
      maps[operand] = kb.tensorMaps[next++];
  Value all = kb.thread;
  thread = kb.rem(all, warpgroup);
  group = kb.div(all, warpgroup);
}

Value TensorAttentionEmitter::compare(arith::CmpIPredicate predicate, Value x,
                                      Value y) {
  return arith::CmpIOp::create(kb.b, kb.loc, predicate, x, y);
}

Value TensorAttentionEmitter::choose(Value condition, Value x, Value y) {
  return arith::SelectOp::create(kb.b, kb.loc, condition, x, y);
}

double TensorAttentionEmitter::scale() const {
  return 1 / std::sqrt(static_cast<double>(a.width));
}

double TensorAttentionEmitter::base() const {
  return scale() * 1.44269504088896341;
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

void TensorAttentionEmitter::fetch(ArrayRef<AttentionTile> tiles,
                                   Value barrier) {
  int64_t bytes = 0;
  bool threads = false;
  for (const AttentionTile &tile : tiles) {
    int64_t slab = tile.rows * slabRowBytes;
    if (maps[tile.operand]) {
      bytes += getSlabs(a) * slab;
      continue;
    }
    const AttentionOperand &operand = a.operands[tile.operand];
    int64_t heads = isOfKeys(tile.operand) ? a.keyHeads : a.queryHeads,
            positions = isOfKeys(tile.operand) ? a.positions : a.queries;
    Value offset =
        kb.mul(kb.add(kb.mul(batch, positions * heads), tile.head), a.width);
    SlabSource source{kb.at(kb.buffers[operand.index], offset, operand.element),
                      operand.element,
                      heads * a.width,
                      kb.index(positions),
                      kb.index(a.width),
                      a.width % 8 == 0};
    for (int64_t i = 0; i < getSlabs(a); ++i)
      copySlab(kb, source, tile.firstRow, kb.index(i * slabColumns), tile.rows,
               kb.at(tile.to, i * slab, kb.b.getI8Type()), thread, warpgroup);
    threads = true;
  }
  if (threads)
    tc.fenceAsync();
  if (bytes == 0)
    return tc.arrive(barrier);
  auto op = scf::IfOp::create(
      kb.b, kb.loc, compare(arith::CmpIPredicate::eq, thread, kb.index(0)),
      /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(kb.b);
  kb.b.setInsertionPointToStart(op.thenBlock());
  tc.arriveExpecting(barrier, bytes);
  for (const AttentionTile &tile : tiles)
    if (maps[tile.operand])
      for (int64_t i = 0; i < getSlabs(a); ++i)
        for (int64_t row = 0; row < tile.rows; row += boxRows)
          tc.copyBox(maps[tile.operand],
                     {kb.index(i * slabColumns), tile.head,
                      kb.add(tile.firstRow, row), batch},
                     kb.at(tile.to, (i * tile.rows + row) * slabRowBytes,
                           kb.b.getI8Type()),
                     barrier);
  kb.b.setInsertionPointToStart(op.elseBlock());
  tc.arrive(barrier);
}

bool TensorAttentionEmitter::fetchesByThreads() const {
  return llvm::any_of(tileOperands, [&](unsigned operand) {
    return operand < maps.size() && !maps[operand];
  });
}

SmallVector<WgmmaStep> TensorAttentionEmitter::alongWidth(Value left,
                                                          int64_t leftRows,
                                                          Value right,
                                                          int64_t rightRows) {
  Value x = tc.descriptor(left), y = tc.descriptor(right);
  SmallVector<WgmmaStep> steps;
  for (int64_t i = 0, end = llvm::divideCeil(a.width, 16); i < end; ++i) {
    int64_t slab = i / 4 * slabRowBytes,
            within = i % 4 * TensorCore::stepBytes(SlabAxis::K);
    steps.push_back({tc.advance(x, slab * leftRows + within),
                     {},
                     tc.advance(y, slab * rightRows + within)});
  }
  return steps;
}

SmallVector<WgmmaStep>
TensorAttentionEmitter::alongRows(ArrayRef<Value> weights, Value right,
                                  int64_t rows) {
  Value y = tc.descriptor(right, rows * slabRowBytes);
  SmallVector<WgmmaStep> steps;
  for (int64_t i = 0; i < rows / 16; ++i) {
    WgmmaStep step;
    for (int64_t pair = 0; pair < 4; ++pair)
      step.aFragments.push_back(
          tc.pack(weights[8 * i + 2 * pair], weights[8 * i + 2 * pair + 1]));
    step.b = tc.advance(y, i * TensorCore::stepBytes(SlabAxis::Other));
    steps.push_back(step);
  }
  return steps;
}

void TensorAttentionEmitter::storeRows(ArrayRef<Value> sums,
                                       ArrayRef<Value> factors, Value firstRow,
                                       int64_t count, Value head, int64_t heads,
                                       ArrayRef<AttentionOutput> outputs) {
  Value column = columnOfThread();
  for (int64_t half = 0; half < 2; ++half) {
    Value row = kb.add(kb.add(firstRow, rowOfThread()), 8 * half);
    Value place =
        kb.mul(kb.add(kb.mul(kb.add(kb.mul(batch, count), row), heads), head),
               a.width);
    auto store = [&](Value value, Value column) {
      unsigned lanes = KernelBuilder::getLanes(value.getType());
      value = kb.mulf(value, kb.splat(factors[half], lanes));
      for (const AttentionOutput &out : outputs)
        kb.store(
            value,
            kb.at(kb.buffers[out.buffer], kb.add(place, column), out.element),
            out.element, 0,
            lanes * KernelBuilder::getElementBytes(out.element));
    };
    kb.when(less(row, kb.index(count)), [&] {
      for (int64_t j = 0; j < getWidth() / 8; ++j) {
        ArrayRef<Value> pair = sums.slice(4 * j + 2 * half, 2);
        Value at = kb.add(column, 8 * j);
        auto storePair = [&] {
          store(
              vector::FromElementsOp::create(
                  kb.b, kb.loc, VectorType::get({2}, pair[0].getType()), pair),
              at);
        };
        if (a.width % 8 == 0) {
          storePair();
        } else if (a.width % 2 == 0) {
          kb.when(less(at, kb.index(a.width)), storePair);
        } else {
          for (int64_t e = 0; e < 2; ++e)
            kb.when(less(kb.add(at, e), kb.index(a.width)),
                    [&] { store(pair[e], kb.add(at, e)); });
        }
      }
    });
  }
}

} // namespace pgc
