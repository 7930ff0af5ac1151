// outline-rest: makes kernels of what fusion left over.
#include "compiler/passes/schedule/SchedulePasses.h"
#include "compiler/passes/schedule/Views.h"
#include "dialects/pg/Pg.h"
#include "dialects/sched/Sched.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {
#define GEN_PASS_DEF_OUTLINEREST
#include "compiler/passes/schedule/SchedulePasses.h.inc"

namespace {

/// Adds kernels of one operation to the module, and shares those that are
/// equal.
class Outliner {
public:
  explicit Outliner(ModuleOp module) : module(module), symbols(module) {}

  void outline(Operation &op) {
    auto accumulate = dyn_cast<pg::AccumulateOp>(op);
    SmallVector<Value> tensors, scalars;
    for (Value operand : op.getOperands())
      (operand.getType().isF64() ? scalars : tensors).push_back(operand);
    KernelOp kernel = kernelFor(op, tensors, scalars);

    OpBuilder builder(&op);
    llvm::append_range(tensors, scalars);
    ArrayAttr destinations;
    if (accumulate)
      destinations = builder.getArrayAttr({accumulate.getVariableAttr()});
    auto call = CallOp::create(builder, op.getLoc(), op.getResultTypes(),
                               FlatSymbolRefAttr::get(kernel.getSymNameAttr()),
                               tensors, destinations);
    op.replaceAllUsesWith(call);
    op.erase();
  }

private:
  /// The kernel's text, without its name: what makes two of them equal.
  static std::string textOf(Operation &op) {
    std::string text;
    llvm::raw_string_ostream os(text);
    os << op.getName() << op.getAttrDictionary();
    llvm::interleaveComma(op.getOperandTypes(), os);
    os << "->";
    llvm::interleaveComma(op.getResultTypes(), os);
    return text;
  }

  KernelOp kernelFor(Operation &op, ValueRange tensors, ValueRange scalars) {
    bool accumulates = isa<pg::AccumulateOp>(op);
    // Where an accumulation goes is no part of its kernel.
    std::string key =
        accumulates ? "accumulate" + textOf(op).substr(textOf(op).find('}'))
                    : textOf(op);
    if (KernelOp found = kernels.lookup(key))
      return found;
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    SmallVector<StringRef> modes(accumulates ? 1 : op.getNumResults(),
                                 accumulates ? "accumulate" : "store");
    auto kernel = KernelOp::create(
        builder, op.getLoc(), (op.getName().stripDialect() + "_op").str(),
        "loops", tensors.getTypes(), scalars.size(), modes);
    if (auto partial = dyn_cast<pg::PartialSumOp>(op))
      kernel.setOuter(partial.getOuter()); // the rows that it sums
    builder.setInsertionPointToStart(&kernel.getBlock());
    IRMapping map;
    map.map(tensors, kernel.getTensorArguments());
    map.map(scalars, kernel.getScalarArguments());
    if (accumulates) {
      YieldOp::create(builder, op.getLoc(), kernel.getTensorArguments()[0]);
    } else {
      Operation *inner = builder.clone(op, map);
      YieldOp::create(builder, op.getLoc(), inner->getResults());
    }
    symbols.insert(kernel);
    return kernels[key] = kernel;
  }

  ModuleOp module;
  SymbolTable symbols;
  llvm::StringMap<KernelOp> kernels;
};

struct OutlineRestPass : impl::OutlineRestBase<OutlineRestPass> {
  void runOnOperation() override {
    Outliner outliner(getOperation());
    for (auto func :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (!func->hasAttr("pg.role"))
        continue;
      for (Operation &op : llvm::make_early_inc_range(func.getBody().front())) {
        bool stays =
            isa<CallOp, pg::LoadOp, pg::StoreOp, pg::ConstantOp, pg::ConcatOp,
                pg::GptqOp, pg::SvdOp, func::ReturnOp>(op) ||
            contiguousOffset(op) || isStepValue(op);
        if (!stays)
          outliner.outline(op);
      }
    }
  }
};

} // namespace
} // namespace pgc
