#include "compiler/passes/schedule/InPlace.h"
#include "dialects/pg/Pg.h"
#include "dialects/sched/GpuLaunch.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// Operations that give each element of their result from the elements at the
/// same place.
static bool isElementwise(Operation &op) {
  static const llvm::StringSet<> names = {
      "pg.add",    "pg.sub",     "pg.mul",      "pg.div",   "pg.pow",
      "pg.max",    "pg.min",     "pg.floordiv", "pg.mod",   "pg.xor",
      "pg.and",    "pg.or",      "pg.neg",      "pg.abs",   "pg.sqrt",
      "pg.rsqrt",  "pg.exp",     "pg.log",      "pg.tanh",  "pg.sigmoid",
      "pg.cos",    "pg.sin",     "pg.floor",    "pg.round", "pg.compare",
      "pg.select", "pg.convert", "pg.round_f16"};
  return names.contains(op.getName().getStringRef());
}

// Both kinds of kernel read all operands of an element before they write any
// result of it, and compute results behind all reductions of a row. So what
// must hold is that after the reductions each element of the operand is read at
// its own place only, by the loop that writes the result.
bool mayWriteOver(KernelOp kernel, unsigned operand, unsigned result) {
  bool isProduct = kernel.getKind() == "product";
  if ((kernel.getKind() != "rows" && !isProduct) || kernel.accumulates(result))
    return false;
  // Copies run side by side, each on its own.
  int64_t copies = getCopies(kernel);
  if (operand / (kernel.getTensorArguments().size() / copies) !=
      result / (kernel.getYielded().size() / copies))
    return false;
  Value source = kernel.getTensorArguments()[operand],
        target = kernel.getYielded()[result];
  if (source.getType() != target.getType())
    return false;
  Operation *producer = target.getDefiningOp();
  bool isProductItself =
      isProduct && isa_and_nonnull<pg::LinearOp, pg::MatmulOp>(producer);
  if (producer && !isElementwise(*producer) && !isProductItself)
    return false;
  // A product that is stored as it is may hold sums of a part of its terms for
  // a while.
  bool isGroup = kernel.getGpu() && kernel.getGpu()->contains("parts");
  if (isProductItself && (isGroup || kernel.getYielded().size() == 1))
    return false;

  llvm::SmallSetVector<Value, 16> reached;
  reached.insert(source);
  for (unsigned i = 0; i < reached.size(); ++i)
    for (Operation *user : reached[i].getUsers()) {
      if (isa<YieldOp>(user) || (!isProduct && isa<pg::ReduceOp>(user)))
        continue;
      if (!isElementwise(*user) ||
          shapeOf(user->getResult(0)) != shapeOf(source))
        return false;
      reached.insert(user->getResult(0));
    }
  // On a GPU, results that share no operands are written at different times.
  return !kernel.getGpu() || reached.contains(target);
}

} // namespace pgc
