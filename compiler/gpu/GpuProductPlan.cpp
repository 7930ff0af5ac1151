// Reads product kernels for a GPU, and cuts them into blocks.
#include "compiler/gpu/GpuCodegen.h"
#include "compiler/gpu/GpuProduct.h"
#include "compiler/gpu/TensorCore.h"
#include "dialects/pg/Pg.h"

using namespace mlir;

namespace pgc {

static OperandLayout getLayout(const Product &product, bool rowsAlongK,
                               int64_t other, ArrayRef<int64_t> strides) {
  OperandLayout layout;
  layout.rowsAlongK = rowsAlongK;
  layout.inner = rowsAlongK ? product.k : other;
  layout.outer = rowsAlongK ? other : product.k;
  int64_t divisor = 1;
  for (size_t i = product.batch.size(); i-- > 0;) {
    if (product.batch[i] != 1 && strides[i] != 0)
      layout.axes.push_back({divisor, product.batch[i], strides[i]});
    divisor *= product.batch[i];
  }
  return layout;
}

OperandLayout getLayoutA(const Product &product) {
  return getLayout(product, !product.aByColumns, product.m, product.aStrides);
}

OperandLayout getLayoutB(const Product &product) {
  return getLayout(product, product.bForm == ProductBForm::Transposed,
                   product.n, product.bStrides);
}

/// Whether a tensor map can describe the operand: five axes, strides that are
/// multiples of 16 bytes, sizes below 2^32.
static bool canMap(const OperandLayout &layout, Type element) {
  return element.isBF16() && layout.inner % 8 == 0 && layout.axes.size() <= 3 &&
         std::max(layout.inner, layout.outer) < int64_t(1) << 32;
}

TensorProduct chooseTensorProduct(const Product &product) {
  TensorProduct plan;
  plan.bulkA = canMap(getLayoutA(product), product.aElement);
  plan.bulkB = canMap(getLayoutB(product), product.bElement);
  plan.rowBlocks = llvm::divideCeil(product.m, TensorProduct::rows);
  // A GPU of 132 multiprocessors computes that many blocks at once: the fewest
  // turns, counted by the width of their tiles and what each costs besides.
  int64_t best = 0;
  for (int64_t columns : {256, 128, 64}) {
    int64_t blocks = plan.rowBlocks * llvm::divideCeil(product.n, columns) *
                     product.getBatch();
    int64_t cost = llvm::divideCeil(blocks, 132) * (columns + 32);
    if (best == 0 || cost < best) {
      best = cost;
      plan.columns = columns;
    }
  }
  plan.columnBlocks = llvm::divideCeil(product.n, plan.columns);
  return plan;
}

static pg::sched::TensorMap getMap(const OperandLayout &layout, int64_t buffer,
                                   int64_t rows, Type element) {
  pg::sched::TensorMap map;
  map.buffer = buffer;
  map.type = element;
  map.sizes = {layout.inner, layout.outer};
  map.strides = {layout.inner * 2};
  map.box = {slabColumns, rows};
  map.swizzle = 128;
  for (const OperandLayout::Axis &axis : layout.axes) {
    map.sizes.push_back(axis.size);
    map.strides.push_back(axis.stride * 2);
    map.box.push_back(1);
  }
  return map;
}

pg::sched::GpuLaunch getTensorLaunch(const Product &product,
                                     const TensorProduct &plan) {
  pg::sched::GpuLaunch launch;
  launch.grid[0] = plan.rowBlocks * plan.columnBlocks * product.getBatch();
  launch.threads = plan.getThreads();
  launch.sharedBytes = plan.getSharedBytes();
  auto add = [&](const OperandLayout &layout, int64_t buffer, int64_t rows,
                 Type element) {
    launch.tensorMaps.push_back(
        getMap(layout, buffer, layout.rowsAlongK ? rows : TensorProduct::depth,
               element));
  };
  if (plan.bulkA)
    add(getLayoutA(product), product.aIndex, TensorProduct::rows,
        product.aElement);
  if (plan.bulkB)
    add(getLayoutB(product), product.bIndex, plan.columns, product.bElement);
  return launch;
}

pg::sched::GpuLaunch getPlainLaunch(const Product &product) {
  pg::sched::GpuLaunch launch;
  launch.grid[0] = llvm::divideCeil(product.m, PlainProduct::tile) *
                   llvm::divideCeil(product.n, PlainProduct::tile) *
                   product.getBatch();
  launch.threads = PlainProduct::threads;
  int64_t bytes = product.operand.isF64() ? 8 : 4;
  launch.sharedBytes =
      2 * PlainProduct::depth * (PlainProduct::tile + 4) * bytes;
  return launch;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// The distance between an operand's matrices, if it is the same along the
/// whole batch.
static std::optional<int64_t> getBatchStride(const Product &product,
                                             ArrayRef<int64_t> strides) {
  int64_t first = 0, matrices = 1;
  for (size_t i = product.batch.size(); i-- > 0;) {
    if (product.batch[i] == 1)
      continue;
    if (matrices == 1)
      first = strides[i];
    else if (strides[i] != first * matrices)
      return std::nullopt;
    matrices *= product.batch[i];
  }
  return first;
}

/// Whether the kernel stores the product itself, as it is or rounded to bf16.
static bool storesProduct(pg::sched::KernelOp kernel, const Product &product) {
  if (kernel.getYielded().size() != 1)
    return false;
  Value value = kernel.getYielded().front();
  if (auto convert = value.getDefiningOp<pg::ConvertOp>();
      convert && product.operand.isBF16() &&
      getElementTypeOrSelf(value).isBF16())
    value = convert.getX();
  while (auto reshape = value.getDefiningOp<pg::ReshapeOp>())
    value = reshape.getX();
  return value == product.getResult();
}

/// The kernel as a library computes it: a product without an epilogue but for
/// being rounded, whose operands are multiplied as they are stored, and whose
/// rows begin at multiples of 16 bytes.
static std::optional<pg::sched::LibraryProduct>
getLibraryProduct(pg::sched::KernelOp kernel, const Product &product) {
  if (!storesProduct(kernel, product) || kernel.getScalars() != 0 ||
      kernel.getTensorArguments().size() != 2 || product.aIndex != 0 ||
      product.bIndex != 1 || product.aElement != product.operand ||
      product.bElement != product.operand)
    return std::nullopt;
  pg::sched::LibraryProduct library;
  library.aType = library.bType = product.operand;
  library.dType = getElementTypeOrSelf(kernel.getYielded().front());
  for (auto [size, type] : {std::pair(getLayoutA(product).inner, library.aType),
                            std::pair(getLayoutB(product).inner, library.bType),
                            std::pair(product.n, library.dType)})
    if (size * KernelBuilder::getElementBytes(type) % 16 != 0)
      return std::nullopt;
  std::optional<int64_t> strideA = getBatchStride(product, product.aStrides),
                         strideB = getBatchStride(product, product.bStrides);
  if (!strideA || !strideB)
    return std::nullopt;
  library.m = product.m;
  library.n = product.n;
  library.k = product.k;
  library.batch = product.getBatch();
  library.transposeA = product.aByColumns;
  library.transposeB = product.bForm == ProductBForm::Transposed;
  library.accumulate = kernel.accumulates(0);
  library.strideA = *strideA;
  library.strideB = *strideB;
  library.strideD = product.m * product.n;
  return library;
}

LogicalResult planGpuProductKernel(pg::sched::KernelOp kernel) {
  FailureOr<Product> product = analyzeProduct(kernel);
  if (failed(product) || failed(checkProductEpilogue(kernel, *product)))
    return failure();
  if (product->bForm == ProductBForm::Packed || product->isPack())
    return product->op->emitError(
        "packed weights are for processors, not for GPUs");
  if (auto library = getLibraryProduct(kernel, *product)) {
    kernel.setLibraryAttr(library->toAttr(kernel.getContext()));
    return setProductPlan(kernel, *product, /*chunks=*/1, /*scratch=*/0);
  }
  pg::sched::GpuLaunch launch =
      product->operand.isBF16()
          ? getTensorLaunch(*product, chooseTensorProduct(*product))
          : getPlainLaunch(*product);
  kernel.setGpuAttr(launch.toAttr(kernel.getContext()));
  return setProductPlan(kernel, *product, launch.grid[0], /*scratch=*/0);
}

LogicalResult emitGpuProductKernel(pg::sched::KernelOp kernel,
                                   const Target &target, ModuleOp out) {
  FailureOr<Product> product = analyzeProduct(kernel);
  if (failed(product))
    return failure();
  KernelBuilder kb(kernel, target, out);
  if (product->operand.isBF16())
    emitTensorProduct(kb, kernel, *product, chooseTensorProduct(*product));
  else
    emitPlainProduct(kb, kernel, *product);
  kb.finish();
  return success();
}

} // namespace pgc
