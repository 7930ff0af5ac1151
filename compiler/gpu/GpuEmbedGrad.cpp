// Kernels of kind "embed_grad" on a GPU: rows are summed into a table.
//
// A block has some rows of the table. It looks at all ids, as many at a time as
// it has threads; each warp's finds become the bits of a word in shared memory,
// and all threads go through these in the order of the positions, each adding
// its own columns. So every sum has the order of the positions, and no two
// threads write the same place.
#include "compiler/gpu/GpuCodegen.h"
#include "compiler/gpu/GpuOps.h"
#include "compiler/kernels/Codegen.h"
#include "dialects/pg/Pg.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

namespace {
constexpr int64_t threads = 256, warps = threads / gpu::warpThreads;

struct EmbedGrad {
  pg::EmbedGradOp op;
  int64_t rows, width, count;
  int64_t rowsPerBlock;

  explicit EmbedGrad(KernelOp kernel)
      : op(kernel.getYielded().front().getDefiningOp<pg::EmbedGradOp>()),
        rows(typeOf(op.getResult()).getDimSize(0)),
        width(typeOf(op.getResult()).getDimSize(1)),
        count(typeOf(op.getIds()).getNumElements()) {
    // Each block reads all ids: not too many blocks. Four for each of 132
    // processors at most.
    rowsPerBlock = llvm::divideCeil(rows, int64_t(528));
  }
  int64_t blocks() const { return llvm::divideCeil(rows, rowsPerBlock); }
};
} // namespace

LogicalResult planGpuEmbedGradKernel(KernelOp kernel) {
  if (failed(planEmbedGradKernel(kernel)))
    return failure();
  GpuLaunch launch;
  launch.grid[0] = EmbedGrad(kernel).blocks();
  launch.threads = threads;
  launch.sharedBytes = threads * 4 + warps * 4;
  kernel.setGpuAttr(launch.toAttr(kernel.getContext()));
  return success();
}

LogicalResult emitGpuEmbedGradKernel(KernelOp kernel, const Target &target,
                                     ModuleOp out) {
  EmbedGrad grad(kernel);
  KernelBuilder k(kernel, target, out);
  Type element = typeOf(grad.op.getResult()).getElementType(),
       dyElement = typeOf(grad.op.getDy()).getElementType(),
       i32 = k.b.getI32Type(), word = k.b.getI64Type();
  auto buffer = [&](Value operand) {
    return k.buffers[cast<BlockArgument>(operand).getArgNumber()];
  };
  Value dy = buffer(grad.op.getDy()), ids = buffer(grad.op.getIds()),
        table = k.buffers.back();
  Value rowsHere = gpu::getShared(k); // of each id, less the block's first
  Value finds = k.at(rowsHere, threads, i32);
  Value first = k.mul(k.block, grad.rowsPerBlock);
  Value end = k.min(k.add(first, grad.rowsPerBlock), k.index(grad.rows));
  if (!kernel.accumulates(0))
    k.loop(k.add(k.mul(first, grad.width), k.thread), k.mul(end, grad.width),
           threads, [&](Value i) {
             k.store(k.constant(k.getRegisterType(element), 0),
                     k.at(table, i, element), element);
           });
  Value warp = k.div(k.thread, gpu::warpThreads),
        laneInWarp = k.rem(k.thread, gpu::warpThreads);
  auto compare = [&](arith::CmpIPredicate predicate, Value a,
                     Value b) -> Value {
    return arith::CmpIOp::create(k.b, k.loc, predicate, a, b);
  };
  k.loop(
      k.index(0), k.index(llvm::divideCeil(grad.count, threads)), 1,
      [&](Value step) {
        Value base = k.mul(step, threads), position = k.add(base, k.thread);
        Value exists =
            compare(arith::CmpIPredicate::slt, position, k.index(grad.count));
        Value id = k.load(
            k.at(ids, k.min(position, k.index(grad.count - 1)), word), word);
        Value row = k.sub(id, first);
        Value found = arith::AndIOp::create(
            k.b, k.loc, exists,
            compare(arith::CmpIPredicate::ult, row, k.sub(end, first)));
        gpu::synchronize(k); // the last step's words have been read
        k.store(arith::TruncIOp::create(k.b, k.loc, i32, row),
                k.at(rowsHere, k.thread, i32), i32);
        Value bits = gpu::ballot(k, found);
        k.when(compare(arith::CmpIPredicate::eq, laneInWarp, k.index(0)),
               [&] { k.store(bits, k.at(finds, warp, i32), i32); });
        gpu::synchronize(k);
        k.loop(k.index(0), k.index(warps), 1, [&](Value w) {
          Value left = k.load(k.at(finds, w, i32), i32);
          // while (left) { bit = count of its low zeros; …; left &= left − 1; }
          auto loop = scf::WhileOp::create(k.b, k.loc, TypeRange{i32},
                                           ValueRange{left});
          OpBuilder::InsertionGuard guard(k.b);
          Block *before =
              k.b.createBlock(&loop.getBefore(), {}, {i32}, {k.loc});
          scf::ConditionOp::create(k.b, k.loc,
                                   compare(arith::CmpIPredicate::ne,
                                           before->getArgument(0),
                                           k.integer(i32, 0)),
                                   before->getArguments());
          Block *after = k.b.createBlock(&loop.getAfter(), {}, {i32}, {k.loc});
          Value mask = after->getArgument(0);
          Value bit = arith::ExtUIOp::create(
              k.b, k.loc, word,
              LLVM::CountTrailingZerosOp::create(k.b, k.loc, i32, mask,
                                                 /*is_zero_poison=*/true));
          Value number = k.add(k.mul(w, gpu::warpThreads), bit);
          Value to = k.add(
              first,
              arith::ExtUIOp::create(k.b, k.loc, word,
                                     k.load(k.at(rowsHere, number, i32), i32)));
          Value target = k.at(table, k.mul(to, grad.width), element),
                source =
                    k.at(dy, k.mul(k.add(base, number), grad.width), dyElement);
          k.loop(k.thread, k.index(grad.width), threads, [&](Value column) {
            Value x = k.convert(
                k.load(k.at(source, column, dyElement), dyElement), element);
            k.accumulate(x, k.at(target, column, element), element);
          });
          Value next = arith::AndIOp::create(
              k.b, k.loc, mask,
              arith::SubIOp::create(k.b, k.loc, mask, k.integer(i32, 1)));
          scf::YieldOp::create(k.b, k.loc, next);
        });
      });
  k.finish();
  return success();
}

} // namespace pgc
