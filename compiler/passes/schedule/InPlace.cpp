#include "compiler/passes/schedule/InPlace.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {

/// Operations that give each element of their result from the elements at the same place.
static bool isElementwise(Operation &op) {
  static const llvm::StringSet<> names = {
      "pg.add",  "pg.sub",   "pg.mul",     "pg.div",     "pg.pow",    "pg.max",      "pg.min",  "pg.floordiv",
      "pg.mod",  "pg.xor",   "pg.and",     "pg.or",      "pg.neg",    "pg.abs",      "pg.sqrt", "pg.rsqrt",
      "pg.exp",  "pg.log",   "pg.tanh",    "pg.sigmoid", "pg.cos",    "pg.sin",      "pg.floor", "pg.round",
      "pg.compare", "pg.select", "pg.convert", "pg.splat",   "pg.constant", "pg.leaky_relu"};
  return names.contains(op.getName().getStringRef());
}

bool mayWriteOver(KernelOp kernel, unsigned operand, unsigned result) {
  if (kernel.getKind() != "rows" || kernel.accumulates(result))
    return false;
  Value source = kernel.getTensorArguments()[operand];
  if (source.getType() != kernel.getYielded()[result].getType())
    return false;
  for (Operation &op : kernel.getBlock().without_terminator())
    if (!isElementwise(op))
      return false;
  // A use that broadcasts would read elements again that are overwritten by then.
  auto shape = cast<RankedTensorType>(source.getType()).getShape();
  for (Operation *user : source.getUsers())
    for (Type type : user->getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type); tensor && tensor.getShape() != shape)
        return false;
  return true;
}

} // namespace pgc
