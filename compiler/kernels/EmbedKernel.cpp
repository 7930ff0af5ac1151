// Kernels of kinds "embed" (rows of a table are looked up) and "embed_grad"
// (rows are summed into a table).
#include "compiler/kernels/Codegen.h"
#include "compiler/kernels/KernelBuilder.h"
#include "dialects/pg/Pg.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

//===----------------------------------------------------------------------===//
// embed
//===----------------------------------------------------------------------===//

/// A lookup is a rows kernel whose rows are the ids'.
LogicalResult planEmbedKernel(KernelOp kernel) {
  if (!kernel.getOuter()) {
    auto type = cast<RankedTensorType>(kernel.getYielded().front().getType());
    kernel.setOuter(std::max<int64_t>(type.getRank() - 1, 0));
  }
  return planRowsKernel(kernel);
}

LogicalResult emitEmbedKernel(KernelOp kernel, const Target &target,
                              ModuleOp out) {
  return emitRowsKernel(kernel, target, out);
}

//===----------------------------------------------------------------------===//
// embed_grad
//===----------------------------------------------------------------------===//

namespace {
/// Each chunk has some of the table's columns and goes through all ids in
/// order: no two write the same place, and every sum has the order of the
/// positions.
struct EmbedGrad {
  pg::EmbedGradOp op;
  unsigned dy, ids; // operands
  int64_t rows, width, count;

  /// Columns of a chunk: two cache lines at least, so that chunks don't share
  /// them.
  static constexpr int64_t columns = 64;
};
} // namespace

static std::optional<EmbedGrad> match(KernelOp kernel) {
  auto op = kernel.getYielded().size() == 1
                ? kernel.getYielded().front().getDefiningOp<pg::EmbedGradOp>()
                : nullptr;
  auto dy = op ? dyn_cast<BlockArgument>(op.getDy()) : nullptr,
       ids = op ? dyn_cast<BlockArgument>(op.getIds()) : nullptr;
  if (!dy || !ids) {
    kernel.emitError(
        "must consist of one pg.embed_grad of the kernel's operands");
    return std::nullopt;
  }
  auto type = cast<RankedTensorType>(op.getResult().getType());
  return EmbedGrad{op,
                   dy.getArgNumber(),
                   ids.getArgNumber(),
                   type.getDimSize(0),
                   type.getDimSize(1),
                   cast<RankedTensorType>(ids.getType()).getNumElements()};
}

LogicalResult planEmbedGradKernel(KernelOp kernel) {
  std::optional<EmbedGrad> grad = match(kernel);
  if (!grad)
    return failure();
  int64_t chunks = llvm::divideCeil(grad->width, EmbedGrad::columns);
  if (kernel.getChunks() && static_cast<int64_t>(*kernel.getChunks()) != chunks)
    return kernel.emitError("must have ") << chunks << " chunks";
  kernel.setChunks(chunks);
  kernel.setScratch(0);
  kernel.setFlops(grad->count * grad->width);
  auto dyType = cast<RankedTensorType>(grad->op.getDy().getType());
  auto type = cast<RankedTensorType>(grad->op.getResult().getType());
  kernel.setBytes(3 * pg::sched::getByteSize(dyType) +
                  (kernel.accumulates(0) ? 0 : pg::sched::getByteSize(type)));
  return success();
}

LogicalResult emitEmbedGradKernel(KernelOp kernel, const Target &target,
                                  ModuleOp out) {
  std::optional<EmbedGrad> grad = match(kernel);
  if (!grad)
    return failure();
  KernelBuilder k(kernel, target, out);
  Type element =
      cast<RankedTensorType>(grad->op.getResult().getType()).getElementType();
  Type dyElement =
      cast<RankedTensorType>(grad->op.getDy().getType()).getElementType();
  unsigned lanes = target.getLanes(element.isF64() ? 64 : 32);
  Value table = k.buffers.back();
  Value first = k.mul(k.chunk, EmbedGrad::columns);
  Value last = k.min(k.add(first, EmbedGrad::columns), k.index(grad->width));
  // Calls `body` for the columns of this chunk: vectors, then single ones.
  auto forColumns = [&](function_ref<void(Value column, unsigned lanes)> body) {
    Value vectorsEnd =
        k.sub(last, arith::RemUIOp::create(k.b, k.loc, k.sub(last, first),
                                           k.index(lanes)));
    k.loop(first, vectorsEnd, lanes,
           [&](Value column) { body(column, lanes); });
    k.loop(vectorsEnd, last, 1, [&](Value column) { body(column, 1); });
  };
  if (!kernel.accumulates(0))
    k.loop(k.index(0), k.index(grad->rows), 1, [&](Value row) {
      forColumns([&](Value column, unsigned n) {
        k.store(k.constant(k.getRegisterType(element, n), 0),
                k.at(table, k.add(k.mul(row, grad->width), column), element),
                element);
      });
    });
  k.loop(k.index(0), k.index(grad->count), 1, [&](Value position) {
    Value id = k.load(k.at(k.buffers[grad->ids], position, k.b.getI64Type()),
                      k.b.getI64Type());
    Value inside = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ult,
                                         id, k.index(grad->rows));
    k.when(inside, [&] {
      Value target = k.at(table, k.mul(id, grad->width), element);
      Value source =
          k.at(k.buffers[grad->dy], k.mul(position, grad->width), dyElement);
      forColumns([&](Value column, unsigned n) {
        Value x = k.convert(
            k.load(k.at(source, column, dyElement), dyElement, n), element);
        k.accumulate(x, k.at(target, column, element), element);
      });
    });
  });
  k.finish();
  return success();
}

} // namespace pgc
