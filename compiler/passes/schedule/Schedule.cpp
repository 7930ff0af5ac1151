// schedule: turns functions of tensors into programs over buffers.
#include "compiler/passes/schedule/Layout.h"
#include "compiler/passes/schedule/ProgramBuilder.h"
#include "compiler/passes/schedule/SchedulePasses.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {
#define GEN_PASS_DEF_SCHEDULE
#include "compiler/passes/schedule/SchedulePasses.h.inc"

namespace {

/// The program that adds one instance of the gradients to another; see
/// place-variables.
void addCombineProgram(ModuleOp module, KernelOp kernel) {
  MLIRContext *context = module.getContext();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  if (!kernel.getChunks())
    kernel.setChunks(1);
  auto program =
      ProgramOp::create(builder, module.getLoc(), "combine", "combine", "",
                        builder.getArrayAttr({}), builder.getArrayAttr({}));
  builder.setInsertionPointToStart(&program.getBody().emplaceBlock());
  SmallVector<Attribute> buffers;
  for (StringRef arena : {"gradients.other", "gradients"})
    buffers.push_back(BufAttr::get(
        context, FlatSymbolRefAttr::get(context, arena), 0,
        getByteSize(cast<RankedTensorType>(kernel.getYielded()[0].getType()))));
  LaunchOp::create(
      builder, module.getLoc(), FlatSymbolRefAttr::get(kernel.getSymNameAttr()),
      kernel.getChunksAttr(), builder.getArrayAttr(buffers), ValueRange());
}

struct SchedulePass : impl::ScheduleBase<SchedulePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    ConstantPool constants(module);
    for (auto func : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (func->hasAttr("pg.role") &&
          failed(ProgramBuilder(func, symbols, constants).build()))
        return signalPassFailure();
    if (auto kernel = symbols.lookup<KernelOp>("combine_gradients"))
      addCombineProgram(module, kernel);
  }
};

} // namespace
} // namespace pgc
