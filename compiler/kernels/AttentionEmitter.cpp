// The parts that attention and its gradient consist of.
#include "compiler/kernels/Attention.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <cmath>

using namespace mlir;

namespace pgc {

/// What stands for minus infinity: finite, so that no difference of two is NaN.
static constexpr double masked = -1e30;

AttentionEmitter::AttentionEmitter(KernelBuilder &kb,
                                   const Attention &attention)
    : kb(kb), a(attention),
      tile(kb, getTileKind(attention.operand, kb.target)) {}

int64_t AttentionEmitter::rowStep() {
  int64_t step = llvm::alignTo(grouped(a.width), panelColumns);
  return step + (step % (2 * panelColumns) == 0 ? panelColumns : 0);
}

Value AttentionEmitter::compare(arith::CmpIPredicate predicate, Value x,
                                Value y) {
  return arith::CmpIOp::create(kb.b, kb.loc, predicate, x, y);
}

Value AttentionEmitter::rowOf(Value base, Type element, Value row, Value head,
                              int64_t headCount, int64_t count) {
  Value place =
      kb.add(kb.mul(kb.add(kb.mul(batch, count), row), headCount), head);
  return kb.at(base, kb.mul(place, a.width), element);
}

Value AttentionEmitter::operandRow(unsigned i, Value row, Value head,
                                   int64_t headCount) {
  bool ofKeys = i == 1 || i == 2;
  return rowOf(kb.buffers[a.operands[i].index], a.operands[i].element, row,
               head, headCount, ofKeys ? a.positions : a.queries);
}

void AttentionEmitter::beginRows(Value head, Value row) {
  firstHead = head;
  firstRow = row;
  firstPosition =
      a.getFirstPosition() == 0 ? row : kb.add(row, a.getFirstPosition());
  rows = kb.min(kb.index(a.rows), kb.sub(kb.index(a.queries), row));
  end = kb.add(firstPosition, rows);
}

void AttentionEmitter::forEachHead(function_ref<void(Value, Value)> body) {
  kb.loop(kb.index(0), kb.index(a.heads), 1,
          [&](Value g) { body(kb.add(firstHead, g), kb.mul(g, a.rows)); });
}

void AttentionEmitter::forEachLanes(function_ref<void(Value)> body) {
  kb.loop(kb.index(0), kb.index(a.getLanes()), width(), body);
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

void AttentionEmitter::loadSegments(int64_t offset) {
  Type word = kb.b.getI64Type();
  segments = atByte(offset);
  Value source = kb.at(kb.buffers[a.segment->index],
                       kb.add(kb.mul(batch, a.positions), firstPosition), word);
  kb.loop(kb.index(0), rows, 1, [&](Value i) {
    kb.store(kb.load(kb.at(source, i, word), word), kb.at(segments, i, word),
             word);
  });
  kb.loop(rows, kb.index(a.rows), 1, [&](Value i) {
    kb.store(kb.index(0), kb.at(segments, i, word), word);
  });
}

void AttentionEmitter::maskScores(Value scores, Value firstKey, Value keys) {
  Type word = kb.b.getI64Type();
  unsigned lanes = width();
  SmallVector<Attribute> numbers;
  for (unsigned i = 0; i < lanes; ++i)
    numbers.push_back(kb.b.getI64IntegerAttr(i));
  Value iota = arith::ConstantOp::create(
      kb.b, kb.loc,
      DenseElementsAttr::get(
          VectorType::get({static_cast<int64_t>(lanes)}, word), numbers));
  // Keys up to the block's first query are before all of its queries.
  Value low = a.segment ? kb.index(0)
                        : kb.max(kb.index(0),
                                 kb.sub(kb.add(firstPosition, 1), firstKey));
  kb.loop(low, keys, 1, [&](Value j) {
    Value key = kb.add(firstKey, j);
    Value keySegment;
    if (a.segment)
      keySegment = kb.load(kb.at(kb.buffers[a.segment->index],
                                 kb.add(kb.mul(batch, a.positions), key), word),
                           word);
    forEachLanes([&](Value lane) {
      Value within = kb.rem(lane, a.rows);
      Value first =
          kb.sub(key, kb.add(firstPosition,
                             within)); // the first lane that sees the key
      Value seen =
          compare(arith::CmpIPredicate::sge, iota, kb.splat(first, lanes));
      if (a.segment) {
        Value own = kb.load(kb.at(segments, within, word), word, lanes);
        seen = arith::AndIOp::create(kb.b, kb.loc, seen,
                                     compare(arith::CmpIPredicate::eq, own,
                                             kb.splat(keySegment, lanes)));
      }
      Value at =
          kb.at(scores, kb.add(kb.mul(j, a.getScoreStep()), lane), sum());
      Value x = kb.load(at, sum(), lanes);
      kb.store(arith::SelectOp::create(kb.b, kb.loc, seen, x,
                                       kb.constant(x.getType(), masked)),
               at, sum());
    });
  });
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

double AttentionEmitter::base() {
  double scale = 1 / std::sqrt(static_cast<double>(a.width));
  return sum().isF64() ? scale : scale * 1.44269504088896341;
}

Value AttentionEmitter::power(Value t) {
  if (sum().isF64())
    return kb.exp(t);
  // 2^t for t <= 0, or little more: 2^n times 1 + r p(r) on [-1/2, 1/2], p the
  // Chebyshev interpolant of degree 4, relative error 2e-7. From -127 down n is
  // -127, r 0 and p 1, whose exponent becomes that of 0; a little above,
  // results are denormal.
  Type type = t.getType();
  Type bits =
      VectorType::get(cast<VectorType>(type).getShape(), kb.b.getI32Type());
  auto f = [&](double value) { return kb.constant(type, value); };
  auto toBits = [&](Value x) -> Value {
    return arith::BitcastOp::create(kb.b, kb.loc, bits, x);
  };
  Value magic = f(12582912.0); // 1.5 * 2^23: adding it leaves the rounded
                               // integer in the low bits
  auto exactAdd = [&](Value x, Value y) -> Value {
    return arith::AddFOp::create(kb.b, kb.loc, x, y);
  };
  auto exactSub = [&](Value x, Value y) -> Value {
    return arith::SubFOp::create(kb.b, kb.loc, x, y);
  };
  t = kb.maxf(t, f(-127));
  Value shifted = exactAdd(t, magic);
  Value r = exactSub(t, exactSub(shifted, magic));
  static constexpr double coefficients[] = {
      1.3381302538839697e-3, 9.666368515384533e-3, 5.5503810137916755e-2,
      2.4022349038020388e-1, 6.931471805599453e-1, 1.0};
  Value y = f(coefficients[0]);
  for (double c : ArrayRef(coefficients).drop_front())
    y = kb.fma(y, r, f(c));
  Value exponent = arith::ShLIOp::create(kb.b, kb.loc, toBits(shifted),
                                         kb.integer(bits, 23));
  return arith::BitcastOp::create(
      kb.b, kb.loc, type,
      arith::AddIOp::create(kb.b, kb.loc, toBits(y), exponent));
}

Value AttentionEmitter::roundTwo(Value low, Value high) {
  auto half = VectorType::get({panelColumns}, kb.b.getF32Type());
  if (low.getType() != half || kb.target.emulateDot || !kb.target.bf16Dot)
    return nullptr;
  auto halves = VectorType::get({2 * panelColumns}, kb.b.getBF16Type());
  return LLVM::CallIntrinsicOp::create(
             kb.b, kb.loc, halves,
             kb.b.getStringAttr("llvm.x86.avx512bf16.cvtne2ps2bf16.512"),
             ValueRange{high, low})
      .getResult(0);
}

Value AttentionEmitter::joinPairs(Value low, Value high) {
  auto shape = cast<VectorType>(low.getType()).getShape();
  if (Value two = roundTwo(low, high)) {
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < panelColumns; ++i)
      order.append({i, panelColumns + i});
    return LLVM::BitcastOp::create(
        kb.b, kb.loc, VectorType::get(shape, kb.b.getI32Type()),
        vector::ShuffleOp::create(kb.b, kb.loc, two, two, order));
  }
  Type bits = VectorType::get(shape, kb.b.getI32Type());
  auto narrow = [&](Value x) -> Value {
    if (kb.target.emulateDot || !kb.target.bf16Dot) {
      Value rounded =
          arith::BitcastOp::create(kb.b, kb.loc, bits, kb.roundToBf16(x));
      return arith::ShRUIOp::create(kb.b, kb.loc, rounded,
                                    kb.integer(bits, 16));
    }
    Value half = arith::TruncFOp::create(
        kb.b, kb.loc, VectorType::get(shape, kb.b.getBF16Type()), x);
    half = arith::BitcastOp::create(
        kb.b, kb.loc, VectorType::get(shape, kb.b.getI16Type()), half);
    return arith::ExtUIOp::create(kb.b, kb.loc, bits, half);
  };
  Value shifted =
      arith::ShLIOp::create(kb.b, kb.loc, narrow(high), kb.integer(bits, 16));
  return arith::OrIOp::create(kb.b, kb.loc, narrow(low), shifted);
}

void AttentionEmitter::storeRow(Value from, Value factor, Value to,
                                Type element) {
  auto part = [&](int64_t low, int64_t high, unsigned lanes) {
    kb.loop(kb.index(low), kb.index(high), lanes, [&](Value d) {
      Value x = kb.mulf(kb.load(kb.at(from, d, sum()), sum(), lanes),
                        kb.splat(factor, lanes));
      kb.store(kb.convert(x, element), kb.at(to, d, element), element);
    });
  };
  int64_t whole = a.width / width() * width();
  part(0, whole, width());
  part(whole, a.width, 1);
}

} // namespace pgc
