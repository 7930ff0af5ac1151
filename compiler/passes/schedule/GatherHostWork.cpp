// gather-host-work: what the host's LAPACK does is put side by side.
#include "compiler/passes/schedule/SchedulePasses.h"
#include "dialects/pg/Pg.h"
#include "dialects/sched/Sched.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_GATHERHOSTWORK
#include "compiler/passes/schedule/SchedulePasses.h.inc"

namespace {

bool isHostWork(Operation &op) { return isa<pg::GptqOp, pg::SvdOp>(op); }

/// Sorts the operations by the number of host operations on the longest way to
/// them; of one number those of the host come last. So all of a number are
/// independent of each other.
void gather(Block &block) {
  llvm::DenseMap<Operation *, int64_t> numbers; // of what an operation makes
  SmallVector<std::tuple<int64_t, size_t, Operation *>> order;
  for (Operation &op : block.without_terminator()) {
    int64_t number = 0;
    for (Value operand : op.getOperands())
      if (Operation *producer = operand.getDefiningOp())
        number = std::max(number, numbers.lookup(producer));
    numbers[&op] = number + isHostWork(op);
    // Stores stay behind all loads, as they were.
    int64_t key =
        isa<pg::StoreOp>(op) ? INT64_MAX : 2 * number + isHostWork(op);
    order.push_back({key, order.size(), &op});
  }
  llvm::sort(order);
  for (auto [key, position, op] : order)
    op->moveBefore(block.getTerminator());
}

struct GatherHostWorkPass : impl::GatherHostWorkBase<GatherHostWorkPass> {
  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (!func.isDeclaration() &&
          llvm::any_of(func.getBody().front(), isHostWork))
        gather(func.getBody().front());
  }
};

} // namespace
} // namespace pgc
