#include "compiler/passes/schedule/Layout.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {

StringRef arenaOfSpace(StringRef space) {
  return llvm::StringSwitch<StringRef>(space)
      .Case("parameter", "parameters")
      .Case("gradient", "gradients")
      .Case("state", "states")
      .Case("average", "averages")
      .Case("constant", "constants")
      .Case("hessian", "hessians")
      .Case("leaf", "leaves")
      .Default("derived");
}

ArenaOp getOrCreateArena(ModuleOp module, StringRef name) {
  if (auto arena = module.lookupSymbol<ArenaOp>(name))
    return arena;
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  for (auto arena : module.getOps<ArenaOp>())
    builder.setInsertionPointAfter(arena);
  return ArenaOp::create(builder, module.getLoc(), builder.getStringAttr(name),
                         builder.getI64IntegerAttr(0));
}

void growArena(ArenaOp arena, int64_t bytes) {
  int64_t size =
      std::max<int64_t>(arena.getBytes(), alignBuffer(bytes) + arenaPadding);
  arena.setBytesAttr(OpBuilder(arena).getI64IntegerAttr(size));
}

BufAttr allocateInArena(ModuleOp module, StringRef name, int64_t bytes) {
  ArenaOp arena = getOrCreateArena(module, name);
  int64_t offset = arena.getBytes() == 0 ? 0 : arena.getBytes() - arenaPadding;
  growArena(arena, offset + bytes);
  return BufAttr::get(module.getContext(),
                      FlatSymbolRefAttr::get(arena.getSymNameAttr()), offset,
                      bytes);
}

} // namespace pgc
