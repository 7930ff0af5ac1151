// Copies of operands into the order in which the register tile reads them.
#include "compiler/kernels/Tile.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace pgc {

namespace {

/// The body of a packing function, whose arguments are source, step, rows,
/// columns, target, target step, target panel.
struct Pack {
  KernelBuilder &k;
  TileKind kind;
  Type operand; // of the target
  Type element; // of the source
  bool round;
  unsigned lanes;
  Value source, step, rows, columns, target, targetStep, targetPanel;

  Pack(KernelBuilder &k, const Tile &tile, Type element, bool round)
      : k(k), kind(tile.getKind()), operand(tile.getOperandType()),
        element(element), round(round),
        lanes(k.target.getLanes(operand.getIntOrFloatBitWidth())) {
    Value *names[] = {&source, &step,       &rows,       &columns,
                      &target, &targetStep, &targetPanel};
    for (auto [name, argument] : llvm::zip(names, k.function.getArguments()))
      *name = argument;
  }

  bool pairs() const { return kind == TileKind::Bf16Dot; }

  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(k.b, k.loc, predicate, x, y);
  }
  Value choose(Value condition, Value x, Value y) {
    return arith::SelectOp::create(k.b, k.loc, condition, x, y);
  }

  Type vectorOf(Type type, unsigned count) {
    return k.getRegisterType(type, count);
  }

  /// The lane numbers, plus `first`, that are below `end`.
  Value below(Value first, Value end, unsigned count) {
    SmallVector<Attribute> numbers;
    for (unsigned i = 0; i < count; ++i)
      numbers.push_back(k.b.getI64IntegerAttr(i));
    auto type =
        VectorType::get({static_cast<int64_t>(count)}, k.b.getI64Type());
    Value iota = arith::ConstantOp::create(
        k.b, k.loc, DenseElementsAttr::get(type, numbers));
    return compare(arith::CmpIPredicate::slt, iota,
                   k.splat(k.sub(end, first), count));
  }

  /// `count` elements of the source, in registers as the product wants them.
  Value loadFloats(Value address, unsigned count) {
    Value x = k.load(address, element, count);
    if (round)
      x = k.roundToBf16(x);
    return kind == TileKind::F64 ? k.convert(x, k.b.getF64Type()) : x;
  }

  /// `count` elements of the source as the 16 bits of their bf16, in the low
  /// half of i32.
  Value loadBits(Value address, unsigned count) {
    Type bits = vectorOf(k.b.getI32Type(), count);
    if (element.isBF16())
      return arith::ExtUIOp::create(k.b, k.loc, bits,
                                    k.load(address, k.b.getI16Type(), count));
    Value x = k.roundToBf16(k.load(address, element, count));
    return arith::ShRUIOp::create(k.b, k.loc,
                                  arith::BitcastOp::create(k.b, k.loc, bits, x),
                                  k.integer(bits, 16));
  }

  Value join(Value low, Value high) {
    Value shifted =
        arith::ShLIOp::create(k.b, k.loc, high, k.integer(high.getType(), 16));
    return arith::OrIOp::create(k.b, k.loc, low, shifted);
  }

  Value sourceAt(Value row, Value column) {
    return k.at(k.at(source, k.mul(row, step), element), column, element);
  }

  /// `count` neighbouring columns of row `row` of the operand: of a pair of
  /// source rows, for pairs.
  Value loadAcross(Value row, Value column, unsigned count) {
    if (!pairs())
      return loadFloats(sourceAt(row, column), count);
    Value first = k.mul(row, 2), second = k.add(first, 1);
    Value present = compare(arith::CmpIPredicate::slt, second, rows);
    Value high =
        loadBits(sourceAt(choose(present, second, first), column), count);
    high = choose(present, high, k.integer(high.getType(), 0));
    return join(loadBits(sourceAt(first, column), count), high);
  }

  /// `lanes` operand elements along k, from `column` (in operand elements), of
  /// source row `row`. Beyond the row's end they are anything, but for an odd
  /// last element, which is paired with zero.
  Value loadAlong(Value row, Value column) {
    if (!pairs())
      return loadFloats(sourceAt(row, column), lanes);
    Value first = k.mul(column, 2), bits;
    if (element.isBF16()) {
      bits = k.load(sourceAt(row, first), operand, lanes);
    } else {
      Value last = k.sub(columns, k.index(1));
      Value x = loadBits(sourceAt(row, first), lanes);
      Value y =
          loadBits(sourceAt(row, k.min(k.add(first, lanes), last)), lanes);
      SmallVector<int64_t> even, odd;
      for (unsigned i = 0; i < lanes; ++i) {
        even.push_back(2 * i);
        odd.push_back(2 * i + 1);
      }
      bits = join(vector::ShuffleOp::create(k.b, k.loc, x, y, even),
                  vector::ShuffleOp::create(k.b, k.loc, x, y, odd));
    }
    // Pairs below `whole` have both halves.
    Value whole = below(column, k.div(columns, 2), lanes);
    Value low = arith::AndIOp::create(k.b, k.loc, bits,
                                      k.integer(bits.getType(), 0xffff));
    return choose(whole, bits, low);
  }

  /// Rows and columns of the source in units of operand elements along k.
  Value grouped(Value size) {
    return pairs() ? k.div(k.add(size, 1), 2) : size;
  }

  void store(Value value, Value address) { k.store(value, address, operand); }

  /// Rows that go to a panel before the next panel has its turn: what they
  /// read, and what comes next, finds place in the first cache whatever the
  /// distance of the rows is.
  static constexpr int64_t rowsTogether = 4;

  /// Source rows are k. A few rows at a time go to all panels: lines that two
  /// panels share are read once, and in order.
  void runRows(int64_t width) {
    Value depth = grouped(rows);
    // Pairs of whole rows of bf16 need no arithmetic.
    Value woven = pairs() && element.isBF16() ? k.div(rows, 2) : k.index(0);
    k.loop(k.index(0), depth, rowsTogether, [&](Value first) {
      Value end = k.min(k.add(first, rowsTogether), depth);
      Value quick = k.min(end, woven);
      Value whole = k.div(columns, width), twos = k.index(0);
      if (pairs() && element.isBF16()) {
        twos = k.mul(k.div(whole, 2), 2);
        k.loop(k.index(0), twos, 2,
               [&](Value p) { weavePanels(p, first, quick, width); });
        Value odd = compare(arith::CmpIPredicate::slt, quick, end);
        k.when(odd, [&] {
          k.loop(k.index(0), twos, 1, [&](Value p) {
            copyPanel(p, quick, end, width, /*partial=*/false);
          });
        });
      }
      k.loop(twos, whole, 1, [&](Value p) {
        copyPanel(p, first, end, width, /*partial=*/false);
      });
      Value partial =
          compare(arith::CmpIPredicate::slt, k.mul(whole, width), columns);
      k.when(partial,
             [&] { copyPanel(whole, first, end, width, /*partial=*/true); });
    });
  }

  /// Pairs of rows [first, end), of bf16, of panels `p` and the next: 32
  /// columns of two rows are read, and interleaved to two vectors.
  void weavePanels(Value p, Value first, Value end, int64_t width) {
    constexpr int64_t wide = 2 * panelColumns;
    Value column = k.mul(p, width);
    Value left = k.at(target, k.mul(p, targetPanel), operand),
          right = k.at(left, targetPanel, operand);
    auto vector = VectorType::get({panelColumns}, operand);
    k.loop(first, end, 1, [&](Value r) {
      Value upper = sourceAt(k.mul(r, 2), column),
            lower = k.at(upper, step, element);
      Value ahead = k.at(upper, k.mul(step, 2 * rowsTogether), element);
      for (Value line : {ahead, k.at(ahead, step, element)})
        LLVM::Prefetch::create(k.b, k.loc, line, /*rw=*/0, /*hint=*/3,
                               /*cache=*/1);
      Value x = k.load(upper, k.b.getI16Type(), wide),
            y = k.load(lower, k.b.getI16Type(), wide);
      for (auto [panel, from] :
           {std::pair(left, int64_t(0)), std::pair(right, width)}) {
        SmallVector<int64_t> order;
        for (int64_t i = from; i < from + panelColumns; ++i)
          order.append({i, wide + i});
        Value woven = vector::ShuffleOp::create(k.b, k.loc, x, y, order);
        store(LLVM::BitcastOp::create(k.b, k.loc, vector, woven),
              k.at(panel, k.mul(r, targetStep), operand));
      }
    });
  }

  /// Rows [first, end) of panel `p`.
  void copyPanel(Value p, Value first, Value end, int64_t width, bool partial) {
    Value column = k.mul(p, width), valid = k.sub(columns, column);
    Value base = k.at(target, k.mul(p, targetPanel), operand);
    k.loop(first, end, 1, [&](Value r) {
      Value row = k.at(base, k.mul(r, targetStep), operand);
      // Rows lie far apart: the machine does not see which come next.
      Value ahead = k.mul(k.add(r, rowsTogether), pairs() ? 2 : 1);
      LLVM::Prefetch::create(k.b, k.loc, sourceAt(ahead, column), /*rw=*/0,
                             /*hint=*/3, /*cache=*/1);
      for (unsigned v = 0; v < width; v += lanes) {
        Value from = k.index(v);
        if (partial) // a vector that lies beyond the row is read at the panel's
                     // start, and dropped
          from = choose(compare(arith::CmpIPredicate::slt, from, valid), from,
                        k.index(0));
        Value x = loadAcross(r, k.add(column, from), lanes);
        if (partial)
          x = choose(below(k.index(v), valid, lanes), x,
                     k.constant(x.getType(), 0));
        store(x, k.at(row, v, operand));
      }
    });
  }

  /// Transposes `lanes` vectors of `lanes` elements: after the step of size s,
  /// blocks of s by s are transposed.
  void transpose(SmallVectorImpl<Value> &x) {
    for (unsigned s = 1; s < lanes; s *= 2)
      for (unsigned i = 0; i < lanes; ++i) {
        if (i & s)
          continue;
        SmallVector<int64_t> low, high;
        for (unsigned l = 0; l < lanes; ++l) {
          low.push_back(l & s ? lanes + l - s : l);
          high.push_back(l & s ? lanes + l : l + s);
        }
        Value a = x[i], b = x[i + s];
        x[i] = vector::ShuffleOp::create(k.b, k.loc, a, b, low);
        x[i + s] = vector::ShuffleOp::create(k.b, k.loc, a, b, high);
      }
  }

  /// Source rows from `i` up to `last`, columns from `l`: `lanes` of each.
  void transposeBlock(Value i, Value l, Value last,
                      function_ref<Value(Value i, Value l)> targetAt) {
    SmallVector<Value> x;
    for (unsigned q = 0; q < lanes; ++q) {
      Value row = k.add(i, q);
      Value v = loadAlong(k.min(row, last), l);
      x.push_back(choose(compare(arith::CmpIPredicate::sle, row, last), v,
                         k.constant(v.getType(), 0)));
    }
    transpose(x);
    Value to = targetAt(i, l);
    for (unsigned q = 0; q < lanes; ++q)
      store(x[q], k.at(to, k.mul(targetStep, q), operand));
  }

  /// Source rows are the panel's columns, source columns are k.
  void runColumns() {
    Value depth = grouped(columns), last = k.sub(rows, k.index(1));
    Value padded =
        k.mul(k.div(k.add(rows, panelColumns - 1), panelColumns), panelColumns);
    auto targetAt = [&](Value i, Value l) {
      Value panel =
          k.at(target, k.mul(k.div(i, panelColumns), targetPanel), operand);
      return k.at(k.at(panel, k.mul(l, targetStep), operand),
                  k.rem(i, panelColumns), operand);
    };
    // Blocks of lanes × lanes; the last one is moved back to end with the row.
    Value wide = compare(arith::CmpIPredicate::sge, depth, k.index(lanes));
    k.when(wide, [&] {
      // By 16 rows and 16 columns, so that lines of source and target are each
      // met once.
      k.loop(k.index(0), padded, panelColumns, [&](Value rowBlock) {
        k.loop(k.index(0), depth, panelColumns, [&](Value columnBlock) {
          k.loop(rowBlock, k.add(rowBlock, panelColumns), lanes, [&](Value i) {
            k.loop(columnBlock, k.min(k.add(columnBlock, panelColumns), depth),
                   lanes, [&](Value block) {
                     transposeBlock(i,
                                    k.min(block, k.sub(depth, k.index(lanes))),
                                    last, targetAt);
                   });
          });
        });
      });
    });
    Value narrow = compare(arith::CmpIPredicate::slt, depth, k.index(lanes));
    k.when(narrow, [&] {
      k.loop(k.index(0), padded, 1, [&](Value i) {
        Value present = compare(arith::CmpIPredicate::sle, i, last),
              row = k.min(i, last);
        k.loop(k.index(0), depth, 1, [&](Value l) {
          Value x;
          if (pairs()) {
            Value first = k.mul(l, 2), second = k.add(first, 1);
            Value both = compare(arith::CmpIPredicate::slt, second, columns);
            Value high =
                loadBits(sourceAt(row, choose(both, second, first)), 1);
            x = join(loadBits(sourceAt(row, first), 1),
                     choose(both, high, k.integer(high.getType(), 0)));
          } else {
            x = loadFloats(sourceAt(row, l), 1);
          }
          store(choose(present, x, k.constant(x.getType(), 0)), targetAt(i, l));
        });
      });
    });
  }

  /// Panels of pairs to panels of f32; `step` is the panel of the source.
  void runWiden() {
    Value panels = k.div(k.add(columns, panelColumns - 1), panelColumns);
    Type bits = k.b.getI32Type();
    k.loop(k.index(0), panels, 1, [&](Value p) {
      Value from = k.at(source, k.mul(p, step), bits),
            to = k.at(target, k.mul(p, targetPanel), operand);
      k.loop(k.index(0), k.div(k.add(rows, 1), 2), 1, [&](Value l) {
        Value pairsAt = k.at(from, k.mul(l, panelColumns), bits);
        Value first = k.at(to, k.mul(k.mul(l, 2), targetStep), operand),
              second = k.at(first, targetStep, operand);
        for (unsigned v = 0; v < panelColumns; v += lanes) {
          Value x = k.load(k.at(pairsAt, v, bits), bits, lanes);
          Value low =
              arith::ShLIOp::create(k.b, k.loc, x, k.integer(x.getType(), 16));
          Value high = arith::AndIOp::create(k.b, k.loc, x,
                                             k.integer(x.getType(), -65536));
          k.store(low, k.at(first, v, operand), bits);
          k.store(high, k.at(second, v, operand), bits);
        }
      });
    });
  }

  /// Rows stay rows; each is padded with zeros to a multiple of 16 elements.
  void runCopy() {
    Value depth = grouped(columns);
    Value padded = k.mul(k.div(k.add(depth, panelColumns - 1), panelColumns),
                         panelColumns);
    Value whole = k.mul(k.div(depth, lanes), lanes);
    k.loop(k.index(0), rows, 1, [&](Value r) {
      Value to = k.at(target, k.mul(r, targetStep), operand);
      k.loop(k.index(0), whole, lanes,
             [&](Value l) { store(loadAlong(r, l), k.at(to, l, operand)); });
      k.loop(whole, padded, lanes, [&](Value l) {
        Value some = compare(arith::CmpIPredicate::slt, l, depth);
        Value x = loadAlong(r, choose(some, l, k.index(0)));
        store(choose(below(l, depth, lanes), x, k.constant(x.getType(), 0)),
              k.at(to, l, operand));
      });
    });
  }
};

std::string getName(StringRef what, Type element, TileKind kind, bool round) {
  std::string name;
  llvm::raw_string_ostream out(name);
  out << "tile." << what << '.' << element << '.'
      << (kind == TileKind::Bf16Dot ? "pairs"
          : kind == TileKind::F64   ? "f64"
                                    : "f32")
      << (round ? ".rounded" : "");
  return name;
}

} // namespace

void Tile::packRows(Value source, Type element, Value step, Value rows,
                    Value columns, const TilePanels &panels, bool round) {
  std::string name =
      getName(panels.width == panelColumns ? "pack.rows" : "pack.rows12",
              element, kind, round);
  Value arguments[] = {source,      step,        rows,        columns,
                       panels.base, panels.step, panels.panel};
  call(name, arguments, [&](KernelBuilder &inner) {
    Pack(inner, *this, element, round).runRows(panels.width);
  });
}

void Tile::packColumns(Value source, Type element, Value step, Value rows,
                       Value columns, const TilePanels &panels, bool round) {
  Value arguments[] = {source,      step,        rows,        columns,
                       panels.base, panels.step, panels.panel};
  call(getName("pack.columns", element, kind, round), arguments,
       [&](KernelBuilder &inner) {
         Pack(inner, *this, element, round).runColumns();
       });
}

void Tile::copyRows(Value source, Type element, Value step, Value rows,
                    Value columns, Value target, Value targetStep, bool round) {
  Value arguments[] = {source, step,       rows,       columns,
                       target, targetStep, kb.index(0)};
  call(getName("copy.rows", element, kind, round), arguments,
       [&](KernelBuilder &inner) {
         Pack(inner, *this, element, round).runCopy();
       });
}

void Tile::widenPairs(Value source, Value sourcePanel, Value depth,
                      Value columns, const TilePanels &panels) {
  Value arguments[] = {source,      sourcePanel, depth,       columns,
                       panels.base, panels.step, panels.panel};
  call("tile.widen.pairs", arguments, [&](KernelBuilder &inner) {
    Pack(inner, *this, kb.b.getBF16Type(), /*round=*/false).runWiden();
  });
}

} // namespace pgc
