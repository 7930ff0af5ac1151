// Kernels of kind "loops": one operation that no other kind takes, computed by
// plain loops. What rows kernels know is left to them; the rest is scalar code,
// made to be right rather than fast.
#include "compiler/kernels/Codegen.h"
#include "compiler/kernels/KernelBuilder.h"
#include "compiler/kernels/Quantile.h"
#include "dialects/pg/Pg.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Operations that have loops of their own here.
static bool isOwn(Operation *op) {
  return isa_and_nonnull<pg::CumsumOp, pg::LinearOp, pg::MatmulOp, pg::PackOp,
                         pg::PackedMatmulOp, pg::EmbedGradOp, pg::ConcatOp,
                         pg::QuantileOp>(op);
}

static Operation *getOwnOp(KernelOp kernel) {
  Operation *op = kernel.getYielded().size() == 1
                      ? kernel.getYielded().front().getDefiningOp()
                      : nullptr;
  return isOwn(op) ? op : nullptr;
}

bool hasOwnLoops(KernelOp kernel) { return getOwnOp(kernel) != nullptr; }

LogicalResult planLoopsKernel(KernelOp kernel) {
  Operation *op = getOwnOp(kernel);
  if (!op) {
    if (!kernel.getOuter()) {
      // As many leading axes as leave some elements to a row.
      ArrayRef<int64_t> shape = typeOf(kernel.getYielded().front()).getShape();
      int64_t outer = 0, inner = ShapedType::getNumElements(shape);
      for (Value value : kernel.getYielded())
        if (typeOf(value).getShape() != shape)
          inner = 0;
      while (outer + 1 < static_cast<int64_t>(shape.size()) &&
             inner / shape[outer] >= 64)
        inner /= shape[outer++];
      kernel.setOuter(outer);
    }
    return planRowsKernel(kernel);
  }
  int64_t bytes = 0;
  for (Value operand : op->getOperands()) {
    if (!isa<BlockArgument>(operand))
      return kernel.emitError(
          "must consist of one operation on the kernel's operands");
    bytes += pg::sched::getByteSize(typeOf(operand));
  }
  RankedTensorType type = typeOf(op->getResult(0));
  int64_t elements = type.getNumElements();
  // Chunks are ranges of the result's elements where those are computed one by
  // one.
  auto quantile = dyn_cast<pg::QuantileOp>(op);
  bool oneByOne =
      quantile ||
      isa<pg::LinearOp, pg::MatmulOp, pg::PackOp, pg::PackedMatmulOp>(op);
  int64_t least = quantile ? 16 : 1024; // elements of a chunk
  if (!kernel.getChunks())
    kernel.setChunks(oneByOne ? std::clamp<int64_t>(elements / least, 1, 256)
                              : 1);
  else if (!oneByOne && *kernel.getChunks() != 1)
    return kernel.emitError("must have 1 chunk");
  int64_t terms = 1;
  if (auto linear = dyn_cast<pg::LinearOp>(op))
    terms = typeOf(linear.getW()).getDimSize(1);
  else if (isa<pg::MatmulOp, pg::PackedMatmulOp>(op))
    terms = typeOf(op->getOperand(0)).getShape().back();
  else if (quantile) // passes over the axis
    terms = typeOf(quantile.getX()).getDimSize(quantile.getAxis()) *
            (typeOf(quantile.getX()).getElementTypeBitWidth() + 2) / 2;
  kernel.setScratch(0);
  kernel.setFlops(elements * terms * (oneByOne ? 2 : 1));
  kernel.setBytes(bytes + pg::sched::getByteSize(type));
  return success();
}

//===----------------------------------------------------------------------===//
// Emission
//===----------------------------------------------------------------------===//

namespace {

class LoopsEmitter {
public:
  LoopsEmitter(KernelOp kernel, const Target &target, ModuleOp out)
      : kernel(kernel), k(kernel, target, out) {}

  void emit(Operation *op) {
    TypeSwitch<Operation *>(op)
        .Case<pg::CumsumOp>([&](auto x) { emitCumsum(x); })
        .Case<pg::LinearOp>([&](auto x) { emitLinear(x); })
        .Case<pg::MatmulOp>([&](auto x) { emitMatmul(x); })
        .Case<pg::PackOp>([&](auto x) { emitPack(x); })
        .Case<pg::PackedMatmulOp>([&](auto x) { emitPackedMatmul(x); })
        .Case<pg::EmbedGradOp>([&](auto x) { emitEmbedGrad(x); })
        .Case<pg::ConcatOp>([&](auto x) { emitConcat(x); })
        .Case<pg::QuantileOp>([&](auto x) { emitQuantile(x); });
    k.finish();
  }

private:
  KernelOp kernel;
  KernelBuilder k;

  static Type elementOf(Value value) { return typeOf(value).getElementType(); }
  Value base(Value operand) {
    return k.buffers[cast<BlockArgument>(operand).getArgNumber()];
  }
  Value load(Value operand, Value flat) {
    return k.load(k.at(base(operand), flat, elementOf(operand)),
                  elementOf(operand));
  }
  void store(Operation *op, Value value, Value flat) {
    Type element = elementOf(op->getResult(0));
    Value address = k.at(k.buffers.back(), flat, element);
    if (kernel.accumulates(0))
      k.accumulate(value, address, element);
    else
      k.store(value, address, element);
  }
  /// Calls `body` for those of `count` numbers that the chunk has.
  void forShare(int64_t count, function_ref<void(Value i)> body) {
    if (*kernel.getChunks() == 1)
      return k.loop(k.index(0), k.index(count), 1, body);
    int64_t each = llvm::divideCeil(count, *kernel.getChunks());
    Value low = k.mul(k.chunk, each),
          high = k.min(k.add(low, each), k.index(count));
    k.loop(low, high, 1, body);
  }
  /// Calls `compute` for each of the result's elements that the chunk has.
  void forElements(Operation *op, function_ref<Value(Value flat)> compute) {
    forShare(typeOf(op->getResult(0)).getNumElements(),
             [&](Value flat) { store(op, compute(flat), flat); });
  }
  /// The coordinates of an element.
  SmallVector<Value> delinearize(Value flat, ArrayRef<int64_t> shape) {
    SmallVector<Value> coordinates(shape.size());
    for (size_t i = shape.size(); i-- > 0;) {
      coordinates[i] = i == 0 ? flat : k.rem(flat, shape[i]);
      flat = k.div(flat, shape[i]);
    }
    return coordinates;
  }
  /// Position of the coordinates, lined up at the last axes; those of axes of
  /// size 1 count as 0.
  Value linearize(ArrayRef<Value> coordinates, ArrayRef<int64_t> shape) {
    Value flat = k.index(0);
    coordinates = coordinates.take_back(shape.size());
    for (auto [coordinate, size] : llvm::zip_equal(coordinates, shape))
      flat = k.add(k.mul(flat, size), size == 1 ? k.index(0) : coordinate);
    return flat;
  }
  /// Σ x(j) y(j), in order.
  Value dot(Type element, int64_t terms,
            function_ref<std::pair<Value, Value>(Value j)> factors) {
    return k.loop(k.index(0), k.index(terms), 1, k.constant(element, 0),
                  [&](Value j, ValueRange sum) -> SmallVector<Value> {
                    auto [x, y] = factors(j);
                    return {k.fma(x, y, sum[0])};
                  })[0];
  }
  Value plus(Value x, Value y) {
    return isa<FloatType>(x.getType())
               ? k.addf(x, y)
               : arith::AddIOp::create(k.b, k.loc, x, y).getResult();
  }

  void emitCumsum(pg::CumsumOp op) {
    ArrayRef<int64_t> shape = typeOf(op.getX()).getShape();
    int64_t axis = op.getAxis(), n = shape[axis];
    int64_t inner = ShapedType::getNumElements(shape.drop_front(axis + 1)),
            outer = ShapedType::getNumElements(shape) / (n * inner);
    forShare(outer * inner, [&](Value line) {
      Value o = k.div(line, inner), i = k.rem(line, inner);
      Value zero = k.constant(k.getRegisterType(elementOf(op.getX())), 0);
      k.loop(k.index(0), k.index(n), 1, zero,
             [&](Value j, ValueRange sum) -> SmallVector<Value> {
               Value place = op.getReverse() ? k.sub(k.index(n - 1), j) : j;
               Value flat = k.add(k.mul(k.add(k.mul(o, n), place), inner), i);
               Value next = plus(sum[0], load(op.getX(), flat));
               store(op, next, flat);
               return {next};
             });
    });
  }

  void emitLinear(pg::LinearOp op) {
    int64_t m = typeOf(op.getW()).getDimSize(0),
            n = typeOf(op.getW()).getDimSize(1);
    forElements(op, [&](Value flat) {
      Value x = k.mul(k.div(flat, m), n), w = k.mul(k.rem(flat, m), n);
      return dot(elementOf(op.getResult()), n, [&](Value j) {
        return std::pair(load(op.getX(), k.add(x, j)),
                         load(op.getW(), k.add(w, j)));
      });
    });
  }

  void emitMatmul(pg::MatmulOp op) {
    ArrayRef<int64_t> a = typeOf(op.getA()).getShape(),
                      b = typeOf(op.getB()).getShape();
    int64_t terms = a[a.size() - (op.getTransposeA() ? 2 : 1)];
    forElements(op, [&](Value flat) {
      SmallVector<Value> place =
          delinearize(flat, typeOf(op.getResult()).getShape());
      Value row = place[place.size() - 2], column = place.back();
      return dot(elementOf(op.getResult()), terms, [&](Value j) {
        SmallVector<Value> pa = place, pb = place;
        pa[pa.size() - 2] = op.getTransposeA() ? j : row;
        pa.back() = op.getTransposeA() ? row : j;
        pb[pb.size() - 2] = op.getTransposeB() ? column : j;
        pb.back() = op.getTransposeB() ? j : column;
        return std::pair(load(op.getA(), linearize(pa, a)),
                         load(op.getB(), linearize(pb, b)));
      });
    });
  }

  void emitPack(pg::PackOp op) {
    bool nk = op.getForm() == pg::PackForm::nk;
    ArrayRef<int64_t> w = typeOf(op.getW()).getShape();
    int64_t n = w[nk ? 0 : 1], depth = w[nk ? 1 : 0], panel = op.getPanel(),
            group = op.getGroup();
    int64_t groups = typeOf(op.getResult()).getDimSize(1);
    forElements(op, [&](Value flat) {
      SmallVector<Value> place = delinearize(
          flat, {typeOf(op.getResult()).getDimSize(0), groups, panel, group});
      Value column = k.add(k.mul(place[0], panel), place[2]),
            row = k.add(k.mul(place[1], group), place[3]);
      Value inside = arith::AndIOp::create(
          k.b, k.loc,
          arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ult, column,
                                k.index(n)),
          arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ult, row,
                                k.index(depth)));
      column = k.min(column, k.index(n - 1));
      row = k.min(row, k.index(depth - 1));
      Value x = load(op.getW(), nk ? k.add(k.mul(column, depth), row)
                                   : k.add(k.mul(row, n), column));
      return arith::SelectOp::create(k.b, k.loc, inside, x,
                                     k.constant(x.getType(), 0))
          .getResult();
    });
  }

  void emitPackedMatmul(pg::PackedMatmulOp op) {
    RankedTensorType packed = typeOf(op.getPacked());
    int64_t depth = typeOf(op.getA()).getShape().back(), n = op.getN();
    int64_t panel = packed.getDimSize(2),
            group = packed.getRank() > 3 ? packed.getDimSize(3) : 1;
    forElements(op, [&](Value flat) {
      Value row = k.mul(k.div(flat, n), depth), column = k.rem(flat, n);
      Value start = k.mul(k.div(column, panel),
                          packed.getDimSize(1) * panel * group),
            lane = k.rem(column, panel);
      return dot(elementOf(op.getResult()), depth, [&](Value j) {
        Value place =
            k.add(k.mul(k.add(k.mul(k.div(j, group), panel), lane), group),
                  k.rem(j, group));
        return std::pair(load(op.getA(), k.add(row, j)),
                         load(op.getPacked(), k.add(start, place)));
      });
    });
  }

  void emitEmbedGrad(pg::EmbedGradOp op) {
    int64_t rows = typeOf(op.getResult()).getDimSize(0),
            width = typeOf(op.getResult()).getDimSize(1);
    Type element = elementOf(op.getResult());
    if (!kernel.accumulates(0))
      k.zero(k.buffers.back(),
             rows * width * KernelBuilder::getElementBytes(element));
    k.loop(k.index(0), k.index(typeOf(op.getIds()).getNumElements()), 1,
           [&](Value position) {
             Value id = load(op.getIds(), position);
             k.when(arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ult,
                                          id, k.index(rows)),
                    [&] {
                      k.loop(k.index(0), k.index(width), 1, [&](Value j) {
                        k.accumulate(
                            load(op.getDy(), k.add(k.mul(position, width), j)),
                            k.at(k.buffers.back(), k.add(k.mul(id, width), j),
                                 element),
                            element);
                      });
                    });
           });
  }

  void emitConcat(pg::ConcatOp op) {
    int64_t done = 0;
    for (Value part : op.getParts()) {
      int64_t elements = typeOf(part).getNumElements();
      forShare(elements,
               [&](Value i) { store(op, load(part, i), k.add(i, done)); });
      done += elements;
    }
  }

  void emitQuantile(pg::QuantileOp op) {
    ArrayRef<int64_t> shape = typeOf(op.getX()).getShape();
    int64_t axis = op.getAxis(), n = shape[axis],
            inner = ShapedType::getNumElements(shape.drop_front(axis + 1));
    double place = op.getQ().convertToDouble() * static_cast<double>(n - 1);
    forElements(op, [&](Value flat) {
      Value base =
          k.add(k.mul(k.div(flat, inner), n * inner), k.rem(flat, inner));
      return buildQuantile(k, elementOf(op.getX()), n, place, [&](Value j) {
        return load(op.getX(), k.add(base, k.mul(j, inner)));
      });
    });
  }
};

} // namespace

LogicalResult emitLoopsKernel(KernelOp kernel, const Target &target,
                              ModuleOp out) {
  Operation *op = getOwnOp(kernel);
  if (!op)
    return emitRowsKernel(kernel, target, out);
  LoopsEmitter(kernel, target, out).emit(op);
  return success();
}

} // namespace pgc
