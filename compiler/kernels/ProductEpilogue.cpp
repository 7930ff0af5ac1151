// What a product kernel computes of the product's elements before it stores
// them.
#include "compiler/kernels/Product.h"
#include "dialects/pg/Pg.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

static RankedTensorType getTensor(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Whether the op only leads to an operand of the product.
static bool isPrologue(Operation *op, const Product &product) {
  return llvm::all_of(op->getUsers(),
                      [&](Operation *user) {
                        return user == product.op ||
                               (isa<pg::ReshapeOp, pg::ConvertOp>(user) &&
                                user->isBeforeInBlock(product.op) &&
                                isPrologue(user, product));
                      }) &&
         op->isBeforeInBlock(product.op);
}

/// Whether `shape` spreads to `full` when lined up at the last axes.
static bool broadcasts(ArrayRef<int64_t> shape, ArrayRef<int64_t> full) {
  if (shape.size() > full.size())
    return llvm::all_of(shape.drop_back(full.size()),
                        [](int64_t size) { return size == 1; }) &&
           broadcasts(shape.take_back(full.size()), full);
  for (auto [size, whole] : llvm::zip(shape, full.take_back(shape.size())))
    if (size != 1 && size != whole)
      return false;
  return true;
}

LogicalResult checkProductEpilogue(KernelOp kernel, const Product &product) {
  if (product.isPack()) {
    if (kernel.getYielded().size() != 1 ||
        kernel.getYielded().front() != product.getResult() ||
        kernel.accumulates(0))
      return product.op->emitError(
          "a kernel that packs stores the packed weight, and nothing else");
    return success();
  }
  RankedTensorType whole = getTensor(product.getResult());
  int64_t elements = whole.getNumElements();
  // Operands with as many elements as the result are read in the same order;
  // others are lined up with the product's own shape.
  auto checkOperand = [&](Operation *op, Value operand,
                          ArrayRef<int64_t> shape) -> LogicalResult {
    int64_t count = getTensor(operand).getNumElements();
    if (count == elements || count == 1 ||
        (shape == whole.getShape() &&
         broadcasts(getTensor(operand).getShape(), whole.getShape())))
      return success();
    return op->emitError("a product kernel cannot line up ")
           << getTensor(operand) << " with the product " << whole;
  };
  for (Operation &op : kernel.getBlock()) {
    if (&op == product.op || isa<pg::sched::YieldOp>(op) ||
        isPrologue(&op, product))
      continue;
    bool splat = isa<pg::SplatOp>(op);
    if (auto constant = dyn_cast<pg::ConstantOp>(op))
      splat = isa<SplatElementsAttr>(constant.getValue());
    if (splat)
      continue;
    if (!KernelBuilder::isElementwise(&op) &&
        !isa<pg::ReshapeOp, pg::BroadcastOp>(op))
      return op.emitError("a product kernel cannot compute '")
             << op.getName() << "'";
    RankedTensorType type = getTensor(op.getResult(0));
    bool isFull = type.getNumElements() == elements;
    if (isa<pg::ReshapeOp>(op) && !isFull && type.getNumElements() != 1)
      return op.emitError("a product kernel can reshape only what has as many "
                          "elements as the product");
    if (!isFull && !broadcasts(type.getShape(), whole.getShape()))
      return op.emitError("a product kernel cannot line up ")
             << type << " with the product " << whole;
    for (Value operand : op.getOperands())
      if (failed(checkOperand(&op, operand,
                              isFull ? type.getShape() : whole.getShape())))
        return failure();
  }
  for (Value value : kernel.getYielded())
    if (getTensor(value).getNumElements() != elements)
      return kernel.emitOpError("of kind 'product' can yield only tensors with "
                                "as many elements as the product");
  return success();
}

namespace {

/// Evaluates the epilogue for some neighbouring elements of a row.
struct Epilogue {
  KernelBuilder &kb;
  KernelOp kernel;
  const Product &product;
  const ProductRow &row;
  Value sum;    // the product's elements
  Value column; // of the first one
  unsigned lanes;
  bool aligned;
  llvm::DenseMap<Value, Value> known = llvm::DenseMap<Value, Value>();

  /// An argument's elements here.
  Value loadArgument(BlockArgument argument) {
    RankedTensorType type = getTensor(argument);
    Value base = kb.buffers[argument.getArgNumber()];
    if (type.getNumElements() == 1)
      return kb.splat(kb.load(base, type.getElementType()), lanes);
    Value at = kb.at(base, row.offsets.lookup(argument), type.getElementType());
    bool across = type.getNumElements() ==
                      getTensor(product.getResult()).getNumElements() ||
                  type.getShape().back() != 1;
    if (!across)
      return kb.splat(kb.load(at, type.getElementType()), lanes);
    return kb.load(kb.at(at, column, type.getElementType()),
                   type.getElementType(), lanes, align(type.getElementType()));
  }

  /// The known alignment of elements of this type; 0: their own.
  unsigned align(Type element) {
    return aligned ? lanes * KernelBuilder::getElementBytes(element) : 0;
  }

  Value evaluate(Value value) {
    auto [place, isNew] = known.try_emplace(value);
    if (!isNew)
      return place->second;
    Value result = compute(value);
    known[value] = result;
    return result;
  }

  Value compute(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return loadArgument(cast<BlockArgument>(value));
    Type element = getTensor(value).getElementType();
    if (op == product.op)
      return sum;
    if (auto splat = dyn_cast<pg::SplatOp>(op)) {
      auto argument = cast<BlockArgument>(splat.getValue());
      Value scalar = kb.scalars[argument.getArgNumber() -
                                kernel.getTensorArguments().size()];
      return kb.splat(kb.convert(scalar, element), lanes);
    }
    if (auto constant = dyn_cast<pg::ConstantOp>(op)) {
      auto splat = cast<SplatElementsAttr>(constant.getValue());
      Type type = kb.getRegisterType(element, lanes);
      if (isa<FloatType>(element))
        return kb.constant(type,
                           splat.getSplatValue<APFloat>().convertToDouble());
      return kb.integer(type, splat.getSplatValue<APInt>().getSExtValue());
    }
    if (isa<pg::ReshapeOp, pg::BroadcastOp>(op))
      return evaluate(op->getOperand(0));
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(evaluate(operand));
    return kb.elementwise(op, operands);
  }
};

} // namespace

/// Where the row's elements of an argument begin, before the column is added.
static Value getRowOffset(KernelBuilder &kb, const Product &product,
                          BlockArgument argument, Value row) {
  RankedTensorType type = getTensor(argument),
                   whole = getTensor(product.getResult());
  if (type.getNumElements() == whole.getNumElements())
    return kb.mul(row, product.n);
  ArrayRef<int64_t> lead = whole.getShape().drop_back(), own = type.getShape();
  int64_t stride = own.empty() ? 1 : own.back();
  own = own.drop_back(own.empty() ? 0 : 1);
  Value rest = row, offset = kb.index(0);
  for (size_t i = 0; i < lead.size() && i < own.size(); ++i) {
    int64_t size = own[own.size() - 1 - i], full = lead[lead.size() - 1 - i];
    if (size != 1)
      offset = kb.add(
          offset,
          kb.mul(i + 1 == lead.size() ? rest : kb.rem(rest, full), stride));
    rest = kb.div(rest, full);
    stride *= size;
  }
  return offset;
}

bool passesCaches(KernelOp kernel, const Product &product, unsigned result) {
  RankedTensorType type = getTensor(kernel.getYielded()[result]);
  constexpr int64_t large = int64_t(8) << 20;
  return kernel.getYielded().size() > 1 && !kernel.accumulates(result) &&
         kernel.getYielded()[result] == product.getResult() &&
         type.getElementType().isF32() && product.n % 16 == 0 &&
         pg::sched::getByteSize(type) >= large;
}

ProductRow beginProductRow(KernelBuilder &kb, KernelOp kernel,
                           const Product &product, Value row) {
  ProductRow result;
  result.row = row;
  for (BlockArgument argument : kernel.getTensorArguments())
    result.offsets[argument] = getRowOffset(kb, product, argument, row);
  return result;
}

void emitProductElements(KernelBuilder &kb, KernelOp kernel,
                         const Product &product, const ProductRow &row,
                         Value sum, Value column, bool aligned, bool past) {
  unsigned lanes = KernelBuilder::getLanes(sum.getType());
  Epilogue epilogue{kb, kernel, product, row, sum, column, lanes, aligned};
  // Operands are read before any result is written: a result may take an
  // operand's place in memory.
  SmallVector<Value> values;
  for (Value yielded : kernel.getYielded())
    values.push_back(epilogue.evaluate(yielded));
  for (auto [i, yielded] : llvm::enumerate(kernel.getYielded())) {
    Type element = getTensor(yielded).getElementType();
    unsigned align = epilogue.align(element);
    Value to = kb.buffers[kernel.getTensorArguments().size() + i];
    to = kb.at(kb.at(to, kb.mul(row.row, product.n), element), column, element);
    Value value = values[i];
    if (kernel.accumulates(i)) {
      Value old = kb.load(to, element, lanes, align);
      value = isa<FloatType>(element)
                  ? kb.addf(old, value)
                  : arith::AddIOp::create(kb.b, kb.loc, old, value).getResult();
    }
    if (past && lanes > 1 && passesCaches(kernel, product, i))
      kb.storePast(value, to, element);
    else
      kb.store(value, to, element, /*count=*/0, align);
  }
}

void emitProductEpilogue(KernelBuilder &kb, KernelOp kernel,
                         const Product &product, Value sums, int64_t sumStep,
                         Value row, Value column, Value rows, Value columns) {
  Type sum = getTensor(product.getResult()).getElementType();
  unsigned lanes = kb.target.getLanes(sum.getIntOrFloatBitWidth());
  kb.loop(kb.index(0), rows, 1, [&](Value r) {
    ProductRow thisRow = beginProductRow(kb, kernel, product, kb.add(row, r));
    Value sumsRow = kb.at(sums, kb.mul(r, sumStep), sum);
    auto emit = [&](Value first, Value end, unsigned count) {
      kb.loop(first, end, count, [&](Value c) {
        emitProductElements(kb, kernel, product, thisRow,
                            kb.load(kb.at(sumsRow, c, sum), sum, count),
                            kb.add(column, c), /*aligned=*/false,
                            /*past=*/true);
      });
    };
    Value whole = kb.mul(kb.div(columns, lanes), lanes);
    emit(kb.index(0), whole, lanes);
    emit(whole, columns, 1);
  });
}

} // namespace pgc
