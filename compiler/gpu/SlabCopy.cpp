#include "compiler/gpu/SlabCopy.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace pgc {

/// Eight neighbouring elements from `place`, of which only those before
/// `columns` exist, and only if `inside`; as four pairs of bf16.
static SmallVector<Value> loadPiece(KernelBuilder &kb, const SlabSource &source,
                                    Value place, Value column, Value inside) {
  TensorCore tc(kb);
  Type word = kb.b.getI32Type();
  auto exists = [&](Value column) -> Value {
    Value within = arith::CmpIOp::create(
        kb.b, kb.loc, arith::CmpIPredicate::slt, column, source.columns);
    return arith::AndIOp::create(kb.b, kb.loc, inside, within);
  };
  auto choose = [&](Value condition, Value x, Value y) -> Value {
    return arith::SelectOp::create(kb.b, kb.loc, condition, x, y);
  };
  SmallVector<Value> words;
  if (!source.aligned) {
    SmallVector<Value> elements;
    for (int64_t i = 0; i < 8; ++i) {
      Value present = exists(kb.add(column, i));
      Value from = choose(present, kb.add(place, i), kb.index(0));
      Value x =
          kb.load(kb.at(source.base, from, source.element), source.element);
      elements.push_back(choose(present, x, kb.constant(x.getType(), 0)));
    }
    for (int64_t i = 0; i < 8; i += 2)
      words.push_back(tc.pack(elements[i], elements[i + 1]));
    return words;
  }
  Value present = exists(column);
  Value from =
      kb.at(source.base, choose(present, place, kb.index(0)), source.element);
  auto extract = [&](Value vector, int64_t i) -> Value {
    return LLVM::ExtractElementOp::create(kb.b, kb.loc, vector,
                                          kb.integer(word, i));
  };
  if (source.element.isBF16()) {
    Value loaded = LLVM::LoadOp::create(kb.b, kb.loc,
                                        VectorType::get({4}, word), from, 16);
    for (int64_t i = 0; i < 4; ++i)
      words.push_back(choose(present, extract(loaded, i), kb.integer(word, 0)));
    return words;
  }
  for (int64_t half = 0; half < 2; ++half) {
    Value loaded =
        kb.load(kb.at(from, 4 * half, source.element), source.element, 4, 16);
    for (int64_t i = 0; i < 4; i += 2)
      words.push_back(
          choose(present, tc.pack(extract(loaded, i), extract(loaded, i + 1)),
                 kb.integer(word, 0)));
  }
  return words;
}

void copySlab(KernelBuilder &kb, const SlabSource &source, Value firstRow,
              Value firstColumn, int64_t rows, Value to, Value thread,
              int64_t threads) {
  TensorCore tc(kb);
  constexpr int64_t pieces = slabRowBytes / 16;
  Type byte = kb.b.getI8Type();
  auto copy = [&](Value i) {
    Value r = kb.div(i, pieces), piece = kb.rem(i, pieces);
    Value row = kb.add(firstRow, r),
          column = kb.add(firstColumn, kb.mul(piece, 8));
    Value inside = arith::CmpIOp::create(
        kb.b, kb.loc, arith::CmpIPredicate::slt, row, source.rows);
    SmallVector<Value> words =
        loadPiece(kb, source, kb.add(kb.mul(row, source.rowStride), column),
                  column, inside);
    Value swizzled = arith::XOrIOp::create(kb.b, kb.loc, piece, kb.rem(r, 8));
    tc.storePiece(
        words,
        kb.at(to, kb.add(kb.mul(r, slabRowBytes), kb.mul(swizzled, 16)), byte));
  };
  int64_t count = rows * pieces, whole = count / threads;
  kb.loop(kb.index(0), kb.index(whole), 1,
          [&](Value turn) { copy(kb.add(kb.mul(turn, threads), thread)); });
  keepRolled(kb);
  if (count % threads != 0)
    kb.when(arith::CmpIOp::create(kb.b, kb.loc, arith::CmpIPredicate::slt,
                                  thread, kb.index(count % threads)),
            [&] { copy(kb.add(thread, whole * threads)); });
}

} // namespace pgc
