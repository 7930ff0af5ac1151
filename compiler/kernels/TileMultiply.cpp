// C[m, n] (+)= A[m, k] B[k, n]: a register tile of a few rows and two vectors
// of columns, and the loops over tiles.
#include "compiler/kernels/Tile.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace pgc {

TileKind getTileKind(Type operand, const Target &target) {
  if (operand.isF64())
    return TileKind::F64;
  return operand.isBF16() && target.bf16Dot ? TileKind::Bf16Dot : TileKind::F32;
}

Type Tile::getOperandType() const {
  if (kind == TileKind::F64)
    return kb.b.getF64Type();
  return kind == TileKind::F32 ? Type(kb.b.getF32Type())
                               : Type(kb.b.getI32Type());
}

Type Tile::getSumType() const {
  return kind == TileKind::F64 ? kb.b.getF64Type() : kb.b.getF32Type();
}

namespace {

/// The body of a multiplying function. Twelve accumulators hide the latency of
/// two multiply-adds a cycle with 16 vector registers, 24 do with 32: 6 or 12
/// rows of two vectors. The two vectors of B by a block's depth then stay in
/// the first cache while rows of A go by.
struct Multiply {
  KernelBuilder &k;
  TileKind kind;
  Type operand, sum;
  bool byColumns;
  unsigned lanes;
  unsigned tallest; // rows of the register tile
  static constexpr unsigned vectors = 2;
  // The function's arguments.
  Value a, aStep, aPanel, b, bStep, bPanel, c, cStep, m, n, depth, accumulate;

  Multiply(KernelBuilder &k, const Tile &tile, bool byColumns)
      : k(k), kind(tile.getKind()), operand(tile.getOperandType()),
        sum(tile.getSumType()), byColumns(byColumns),
        lanes(k.target.getLanes(operand.getIntOrFloatBitWidth())),
        tallest(k.target.vectorBits == 512 ? tileRows : tileRows / 2) {
    auto arguments = k.function.getArguments();
    Value *names[] = {&a, &aStep, &aPanel, &b, &bStep, &bPanel,
                      &c, &cStep, &m,      &n, &depth, &accumulate};
    for (auto [name, argument] : llvm::zip(names, arguments))
      *name = argument;
  }

  Type vectorType() { return k.getRegisterType(sum, lanes); }

  /// Lanes that belong to C of vector `v`, where `valid` columns of the tile
  /// do.
  Value mask(unsigned v, Value valid) {
    Type word = k.b.getI64Type();
    SmallVector<Attribute> numbers;
    for (unsigned i = 0; i < lanes; ++i)
      numbers.push_back(k.b.getI64IntegerAttr(v * lanes + i));
    auto type = VectorType::get({static_cast<int64_t>(lanes)}, word);
    Value iota = arith::ConstantOp::create(
        k.b, k.loc, DenseElementsAttr::get(type, numbers));
    return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::slt, iota,
                                 k.splat(valid, lanes));
  }

  Value multiplyAdd(Value x, Value y, Value acc) {
    if (kind != TileKind::Bf16Dot)
      return k.fma(x, y, acc);
    if (!k.target.emulateDot) {
      auto pairs =
          VectorType::get({2 * static_cast<int64_t>(lanes)}, k.b.getBF16Type());
      x = LLVM::BitcastOp::create(k.b, k.loc, pairs, x);
      y = LLVM::BitcastOp::create(k.b, k.loc, pairs, y);
      StringRef name = lanes == 16 ? "llvm.x86.avx512bf16.dpbf16ps.512"
                                   : "llvm.x86.avx512bf16.dpbf16ps.256";
      return LLVM::CallIntrinsicOp::create(k.b, k.loc, acc.getType(),
                                           k.b.getStringAttr(name),
                                           ValueRange{acc, x, y})
          .getResult(0);
    }
    Value sixteen = k.integer(x.getType(), 16),
          high = k.integer(x.getType(), -65536);
    auto part = [&](Value bits) -> Value {
      return arith::BitcastOp::create(k.b, k.loc, acc.getType(), bits);
    };
    auto first = [&](Value p) {
      return part(arith::ShLIOp::create(k.b, k.loc, p, sixteen));
    };
    auto second = [&](Value p) {
      return part(arith::AndIOp::create(k.b, k.loc, p, high));
    };
    return k.fma(second(x), second(y), k.fma(first(x), first(y), acc));
  }

  /// One step of k: accumulators += A column times B row, at the given
  /// addresses.
  SmallVector<Value> step(ValueRange acc, ArrayRef<Value> aRows,
                          ArrayRef<Value> bVectors) {
    SmallVector<Value> out;
    SmallVector<Value> y;
    for (Value address : bVectors)
      y.push_back(k.load(address, operand, lanes));
    for (auto [r, address] : llvm::enumerate(aRows)) {
      Value x = k.splat(k.load(address, operand), lanes);
      for (unsigned v = 0; v < vectors; ++v)
        out.push_back(multiplyAdd(x, y[v], acc[r * vectors + v]));
    }
    return out;
  }

  /// The tile at `pa`, `pb`, `pc`: `rows` by all vectors, of which `valid`
  /// columns belong to C.
  void tile(unsigned rows, Value pa, Value pb, ArrayRef<Value> bOffsets,
            Value pc, Value valid) {
    // C is needed when the sums are done: by then it has come.
    for (unsigned r = 0; r < rows; ++r)
      LLVM::Prefetch::create(k.b, k.loc, k.at(pc, k.mul(cStep, r), sum),
                             /*rw=*/1, /*hint=*/3, /*cache=*/1);
    // Rows of A are reached by threes, from a pointer each: addresses that the
    // machine computes as it loads.
    unsigned pointers =
        byColumns ? 1 : static_cast<unsigned>(llvm::divideCeil(rows, 3));
    SmallVector<Value> carried(rows * vectors, k.constant(vectorType(), 0));
    for (unsigned p = 0; p < pointers; ++p)
      carried.push_back(p == 0 ? pa : k.at(pa, k.mul(aStep, 3 * p), operand));
    carried.push_back(pb);
    auto body = [&](unsigned unroll) {
      return [&, unroll](Value, ValueRange carried) {
        SmallVector<Value> acc(carried.drop_back(pointers + 1));
        SmallVector<Value> pa(carried.take_back(pointers + 1).drop_back());
        Value pb = carried.back();
        for (unsigned u = 0; u < unroll; ++u) {
          SmallVector<Value> rowsAt, vectorsAt;
          for (unsigned r = 0; r < rows; ++r)
            rowsAt.push_back(byColumns ? k.at(pa[0], r, operand)
                                       : k.at(k.at(pa[r / 3], u, operand),
                                              k.mul(aStep, r % 3), operand));
          for (Value offset : bOffsets)
            vectorsAt.push_back(k.at(pb, offset, operand));
          acc = step(acc, rowsAt, vectorsAt);
          pb = k.at(pb, bStep, operand);
          if (byColumns)
            pa[0] = k.at(pa[0], aStep, operand);
        }
        for (Value pointer : pa)
          acc.push_back(byColumns ? pointer : k.at(pointer, unroll, operand));
        acc.push_back(pb);
        return acc;
      };
    };
    // A step of many accumulators is long enough for a loop; more would need
    // more registers than there are.
    int64_t unroll = 4;
    if (k.target.vectorBits == 512)
      unroll = rows >= 8 ? 1 : rows >= 4 ? 2 : 4;
    Value whole = k.mul(k.div(depth, unroll), unroll);
    carried = k.loop(k.index(0), whole, unroll, carried, body(unroll));
    if (unroll > 1)
      carried = k.loop(whole, depth, 1, carried, body(1));
    writeTile(rows, ArrayRef(carried).take_front(rows * vectors), pc, valid);
  }

  void writeTile(unsigned rows, ArrayRef<Value> acc, Value pc, Value valid) {
    unsigned columns = lanes * vectors;
    Value full = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::sge,
                                       valid, k.index(columns));
    auto branch = scf::IfOp::create(k.b, k.loc, full, /*withElseRegion=*/true);
    for (bool masked : {false, true}) {
      OpBuilder::InsertionGuard guard(k.b);
      k.b.setInsertionPointToStart(masked ? branch.elseBlock()
                                          : branch.thenBlock());
      SmallVector<Value> masks;
      for (unsigned v = 0; masked && v < vectors; ++v)
        masks.push_back(mask(v, valid));
      auto add =
          scf::IfOp::create(k.b, k.loc, accumulate, /*withElseRegion=*/true);
      for (bool adding : {true, false}) {
        OpBuilder::InsertionGuard inner(k.b);
        k.b.setInsertionPointToStart(adding ? add.thenBlock()
                                            : add.elseBlock());
        for (unsigned r = 0; r < rows; ++r)
          for (unsigned v = 0; v < vectors; ++v)
            write(acc[r * vectors + v],
                  k.at(k.at(pc, k.mul(cStep, r), sum), v * lanes, sum),
                  masked ? masks[v] : Value(), adding);
      }
    }
  }

  void write(Value x, Value address, Value mask, bool adding) {
    unsigned align = k.getElementBytes(sum);
    if (!mask) {
      k.store(adding ? k.addf(k.load(address, sum, lanes), x) : x, address,
              sum);
      return;
    }
    if (adding) {
      Value old = LLVM::MaskedLoadOp::create(
          k.b, k.loc, x.getType(), address, mask, k.constant(x.getType(), 0),
          k.b.getI32IntegerAttr(align), /*nontemporal=*/UnitAttr());
      x = k.addf(old, x);
    }
    LLVM::MaskedStoreOp::create(k.b, k.loc, x, address, mask, align);
  }

  void run() {
    unsigned columns = lanes * vectors;
    Value lastPanel = k.div(k.sub(n, k.index(1)), panelColumns);
    Value units = k.div(m, tallest), whole = k.mul(units, tallest),
          rest = k.sub(m, whole);
    auto rowAt = [&](Value row) {
      if (!byColumns)
        return k.at(a, k.mul(row, aStep), operand);
      Value panel = k.at(a, k.mul(k.div(row, tileRows), aPanel), operand);
      return k.at(panel, k.rem(row, tileRows), operand);
    };
    k.loop(k.index(0), n, columns, [&](Value j) {
      Value panel = k.div(j, panelColumns), within = k.rem(j, panelColumns);
      Value pb = k.at(k.at(b, k.mul(panel, bPanel), operand), within, operand);
      // A tile of several panels must not read past the last.
      SmallVector<Value> bOffsets;
      for (unsigned v = 0; v < vectors; ++v) {
        int64_t column = v * lanes;
        Value ahead =
            k.min(k.index(column / panelColumns), k.sub(lastPanel, panel));
        Value offset =
            column < panelColumns ? k.index(0) : k.mul(ahead, bPanel);
        bOffsets.push_back(k.add(offset, column % panelColumns));
      }
      Value valid = k.sub(n, j), pc = k.at(c, j, sum);
      auto rowsFrom = [&](Value row, unsigned count) {
        tile(count, rowAt(row), pb, bOffsets, k.at(pc, k.mul(row, cStep), sum),
             valid);
      };
      k.loop(k.index(0), units, 1,
             [&](Value unit) { rowsFrom(k.mul(unit, tallest), tallest); });
      // The last rows: 8, 4, 2 and 1, as the size has it.
      Value done = k.index(0);
      for (unsigned count = 8; count > 0; count /= 2) {
        if (count >= tallest)
          continue;
        Value bit = arith::AndIOp::create(k.b, k.loc, rest, k.index(count));
        Value present = arith::CmpIOp::create(
            k.b, k.loc, arith::CmpIPredicate::ne, bit, k.index(0));
        Value row = k.add(whole, done);
        k.when(present, [&] { rowsFrom(row, count); });
        done = k.add(done, bit);
      }
    });
  }
};

} // namespace

void Tile::multiply(const TileA &a, const TileB &b, const TileC &c, Value m,
                    Value n, Value k, Value accumulate) {
  bool byColumns = static_cast<bool>(a.panel);
  static constexpr StringLiteral names[] = {"f32", "f64", "bf16"};
  std::string name = ("tile.multiply." + names[static_cast<int>(kind)] +
                      (byColumns ? ".columns" : ".rows"))
                         .str();
  Value arguments[] = {a.base, a.step, byColumns ? a.panel : kb.index(0),
                       b.base, b.step, b.panel,
                       c.base, c.step, m,
                       n,      k,      accumulate};
  call(name, arguments,
       [&](KernelBuilder &inner) { Multiply(inner, *this, byColumns).run(); });
}

void Tile::call(StringRef name, ValueRange arguments,
                function_ref<void(KernelBuilder &)> body) {
  auto module = kb.function->getParentOfType<ModuleOp>();
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function) {
    OpBuilder builder(kb.b.getContext());
    builder.setInsertionPointToStart(module.getBody());
    function =
        func::FuncOp::create(builder, kb.loc, name,
                             builder.getFunctionType(arguments.getTypes(), {}));
    function.setPrivate();
    KernelBuilder inner(function, kb.target);
    body(inner);
    inner.finish();
  }
  func::CallOp::create(kb.b, kb.loc, function, arguments);
}

} // namespace pgc
