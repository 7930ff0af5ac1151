// Reads product kernels, and cuts them into chunks.
#include "compiler/kernels/Codegen.h"
#include "compiler/kernels/Product.h"
#include "dialects/pg/Pg.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

bool Product::isPack() const { return isa<pg::PackOp>(op); }

int64_t Product::getBatch() const {
  int64_t count = 1;
  for (int64_t size : batch)
    count *= size;
  return count;
}

static RankedTensorType getTensor(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The argument that an operand is, but for its shape and element type.
static FailureOr<BlockArgument> findArgument(KernelOp kernel, Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<pg::ReshapeOp, pg::ConvertOp>(op))
      return op->emitError("a product kernel cannot compute its operand with '")
             << op->getName() << "'";
    value = op->getOperand(0);
  }
  return cast<BlockArgument>(value);
}

/// The strides of an operand along the leading axes of the result; its matrices
/// have `size` elements.
static SmallVector<int64_t>
getBatchStrides(ArrayRef<int64_t> lead, ArrayRef<int64_t> batch, int64_t size) {
  SmallVector<int64_t> strides(batch.size(), 0);
  size_t offset = batch.size() - lead.size();
  for (size_t i = lead.size(); i-- > 0; size *= lead[i])
    if (lead[i] != 1)
      strides[offset + i] = size;
  return strides;
}

/// Sizes and forms of pg.matmul.
static void readMatmul(pg::MatmulOp op, Product &product) {
  ArrayRef<int64_t> a = getTensor(op.getA()).getShape(),
                    b = getTensor(op.getB()).getShape();
  ArrayRef<int64_t> out = getTensor(op.getResult()).getShape();
  product.aByColumns = op.getTransposeA();
  product.bForm =
      op.getTransposeB() ? ProductBForm::Transposed : ProductBForm::Plain;
  product.m = out[out.size() - 2];
  product.n = out.back();
  product.k = product.aByColumns ? a[a.size() - 2] : a.back();
  bool oneB =
      llvm::all_of(b.drop_back(2), [](int64_t size) { return size == 1; });
  if (oneB && !product.aByColumns &&
      a.drop_back(2) == out.drop_back(2)) { // leading axes are more rows
    for (int64_t size : out.drop_back(2))
      product.m *= size;
    return;
  }
  llvm::append_range(product.batch, out.drop_back(2));
  product.aStrides =
      getBatchStrides(a.drop_back(2), product.batch, product.m * product.k);
  product.bStrides =
      getBatchStrides(b.drop_back(2), product.batch, product.k * product.n);
}

FailureOr<Product> analyzeProduct(KernelOp kernel) {
  Product product;
  for (Operation &op : kernel.getBlock())
    if (isa<pg::LinearOp, pg::MatmulOp, pg::PackedMatmulOp, pg::PackOp>(op)) {
      if (product.op)
        return op.emitError("a product kernel holds one product, not two"),
               failure();
      product.op = &op;
    }
  if (!product.op)
    return kernel.emitOpError("is of kind 'product', but holds none"),
           failure();
  Value a = product.op->getOperand(0),
        b = product.op->getOperand(product.op->getNumOperands() - 1);
  FailureOr<BlockArgument> aArgument = findArgument(kernel, a),
                           bArgument = findArgument(kernel, b);
  if (failed(aArgument) || failed(bArgument))
    return failure();
  product.aIndex = aArgument->getArgNumber();
  product.bIndex = bArgument->getArgNumber();
  product.aElement = getTensor(*aArgument).getElementType();
  product.bElement = getTensor(*bArgument).getElementType();
  product.operand = getTensor(a).getElementType();
  for (Type stored : {product.aElement, product.bElement})
    if (stored != product.operand &&
        !(stored.isF32() && product.operand.isBF16()))
      return product.op->emitError(
                 "a product kernel cannot convert its operand from ")
                 << stored << " to " << product.operand,
             failure();

  if (auto op = dyn_cast<pg::LinearOp>(product.op)) {
    product.bForm = ProductBForm::Transposed;
    product.n = getTensor(b).getDimSize(0);
    product.k = getTensor(b).getDimSize(1);
    product.m = getTensor(a).getNumElements() / std::max<int64_t>(product.k, 1);
  } else if (auto op = dyn_cast<pg::MatmulOp>(product.op)) {
    readMatmul(op, product);
  } else if (auto op = dyn_cast<pg::PackedMatmulOp>(product.op)) {
    product.bForm = ProductBForm::Packed;
    product.packGroup =
        getTensor(b).getRank() == 4 ? getTensor(b).getDimSize(3) : 1;
    product.n = op.getN();
    product.k = getTensor(a).getShape().back();
    product.m = getTensor(a).getNumElements() / std::max<int64_t>(product.k, 1);
    if (getTensor(b).getDimSize(2) != panelColumns ||
        product.packGroup != (product.operand.isBF16() ? 2 : 1))
      return op.emitError("product kernels read panels of 16 columns, with "
                          "bf16 in groups of 2, other types in groups of 1"),
             failure();
  } else if (auto op = dyn_cast<pg::PackOp>(product.op)) {
    bool transposed = op.getForm() == pg::PackForm::nk;
    product.bForm = transposed ? ProductBForm::Transposed : ProductBForm::Plain;
    product.packGroup = op.getGroup();
    product.n = getTensor(b).getDimSize(transposed ? 0 : 1);
    product.k = getTensor(b).getDimSize(transposed ? 1 : 0);
    if (op.getPanel() != panelColumns ||
        product.packGroup != (product.operand.isBF16() ? 2 : 1))
      return op.emitError("product kernels read panels of 16 columns, with "
                          "bf16 in groups of 2, other types in groups of 1"),
             failure();
  }
  if (product.m < 1 || product.n < 1 || product.k < 1 || product.getBatch() < 1)
    return product.op->emitError("a product kernel needs sizes of at least 1"),
           failure();
  return product;
}

bool isPlainProduct(KernelOp kernel, const Product &product) {
  if (kernel.getYielded().size() != 1)
    return false;
  Value value = kernel.getYielded().front();
  while (auto reshape = value.getDefiningOp<pg::ReshapeOp>())
    value = reshape.getX();
  return value == product.getResult();
}

//===----------------------------------------------------------------------===//
// Chunks
//===----------------------------------------------------------------------===//

/// A size that cuts `size` into equal parts of about `target`, as a multiple of
/// `unit`.
static int64_t divideEvenly(int64_t size, int64_t target, int64_t unit) {
  int64_t parts = llvm::divideCeil(size, target);
  return std::min(llvm::alignTo(llvm::divideCeil(size, parts), unit),
                  llvm::alignTo(size, unit));
}

ProductBlocks chooseProductBlocks(const Product &product) {
  ProductBlocks best;
  if (product.isPack()) { // a block is a group of panels
    best.columns =
        std::min<int64_t>(64, llvm::alignTo(product.n, panelColumns));
    best.columnBlocks = llvm::divideCeil(product.n, best.columns);
    best.depth = product.k;
    return best;
  }
  // Cycles of a core with AVX2, roughly: what counts is how packing, or the
  // first reading, of an element compares to multiplying, and that the work
  // divides among a few threads.
  double bestCost = 0;
  bool copiesA = product.aByColumns || product.aElement != product.operand ||
                 product.operand.isBF16();
  double packA = copiesA ? 1.2 : 0.4;
  double packB = product.bForm == ProductBForm::Packed
                     ? (product.operand.isBF16() ? 0.6 : 0.3)
                     : (product.bForm == ProductBForm::Plain ? 1.0 : 1.5);
  for (int64_t rowTarget : {48, 96, 132, 192, 264, 384, 528})
    for (int64_t columnTarget : {64, 128, 256, 512, 1024}) {
      ProductBlocks blocks;
      blocks.rows = divideEvenly(product.m, rowTarget, tileRows);
      blocks.columns = divideEvenly(product.n, columnTarget, panelColumns);
      blocks.rowBlocks = llvm::divideCeil(product.m, blocks.rows);
      blocks.columnBlocks = llvm::divideCeil(product.n, blocks.columns);
      double rows = blocks.rows, columns = blocks.columns, depth = product.k;
      double chunk = 2000 + rows * columns * (depth / 16 + 1) +
                     rows * depth * packA + columns * depth * packB;
      // Threads never finish together: count a twentieth of a chunk for it.
      constexpr int64_t threads = 4;
      double cost =
          (llvm::divideCeil(blocks.getCount() * product.getBatch(), threads) +
           0.05) *
          chunk;
      if (bestCost == 0 || cost < bestCost) {
        bestCost = cost;
        best = blocks;
      }
    }
  // 96 rows of A by 512 of its columns are 192 KiB, a good part of a second
  // cache of 512 KiB; they meet panels of B of 32 KiB.
  best.depth = divideEvenly(product.k, product.operand.isF64() ? 256 : 512, 16);
  best.cachedRows = divideEvenly(best.rows, 96, tileRows);
  return best;
}

ProductScratch layOutProductScratch(const Product &product,
                                    const ProductBlocks &blocks) {
  // The widest form: nothing is read in place, and bf16 is widened to f32.
  int64_t bytes = product.operand.isF64() ? 8 : 4;
  int64_t rows = llvm::alignTo(blocks.rows, tileRows),
          columns = llvm::alignTo(blocks.columns, panelColumns);
  int64_t cached = llvm::alignTo(blocks.cachedRows, tileRows);
  if (blocks.isOneStep(product))
    rows = cached;
  int64_t depth = llvm::alignTo(blocks.depth, panelColumns);
  ProductScratch scratch;
  if (product.isPack())
    return scratch;
  scratch.b = llvm::alignTo(
      (cached * (depth + 2 * panelColumns) + panelColumns) * bytes, 64);
  scratch.c = scratch.b + llvm::alignTo((depth + 1) * columns * bytes, 64);
  scratch.total = scratch.c + llvm::alignTo(rows * columns * bytes, 64);
  return scratch;
}

LogicalResult setProductPlan(KernelOp kernel, const Product &product,
                             int64_t chunks, int64_t scratch) {
  if (kernel.getChunks() && static_cast<int64_t>(*kernel.getChunks()) != chunks)
    return kernel.emitOpError("of kind 'product' falls into ")
           << chunks << " chunks, not " << *kernel.getChunks();
  int64_t bytes = 0;
  for (BlockArgument argument : kernel.getTensorArguments())
    bytes += pg::sched::getByteSize(getTensor(argument));
  for (Value value : kernel.getYielded())
    bytes += pg::sched::getByteSize(getTensor(value));
  kernel.setChunks(chunks);
  kernel.setScratch(scratch);
  kernel.setFlops(product.isPack() ? 0
                                   : 2 * product.getBatch() * product.m *
                                         product.n * product.k);
  kernel.setBytes(bytes);
  return success();
}

LogicalResult planProductKernel(KernelOp kernel) {
  FailureOr<Product> product = analyzeProduct(kernel);
  if (failed(product) || failed(checkProductEpilogue(kernel, *product)))
    return failure();
  ProductBlocks blocks = chooseProductBlocks(*product);
  return setProductPlan(kernel, *product,
                        blocks.getCount() * product->getBatch(),
                        layOutProductScratch(*product, blocks).total);
}

} // namespace pgc
