// verify-fused: functions hold calls, and the bodies of rows kernels keep rows
// apart (see RowDomain.h).
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/fusion/OpFacts.h"
#include "compiler/passes/fusion/RowDomain.h"
#include "dialects/sched/Sched.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {
#define GEN_PASS_DEF_VERIFYFUSED
#include "compiler/passes/fusion/FusionPasses.h.inc"

namespace {

LogicalResult verifyFunction(func::FuncOp function) {
  for (Operation &op : function.getBody().front()) {
    if (isa<pg::sched::CallOp>(op))
      continue;
    switch (getRole(&op)) {
    case Role::StepValue:
    case Role::Source:
    case Role::Free:
    case Role::View:
    case Role::Concat:
    case Role::Host:
    case Role::Sink:
    case Role::Terminator:
      continue;
    default:
      return op.emitOpError("is in no kernel");
    }
  }
  return success();
}

/// The domain's sizes, taken from the largest of the shapes in the body.
Domain findDomain(KernelOp kernel, unsigned outer) {
  Domain domain(outer, 1);
  for (Operation &op : kernel.getBlock().without_terminator()) {
    ArrayRef<int64_t> shape = getIterationShape(&op);
    for (unsigned axis = 0; axis < outer && axis < shape.size(); ++axis)
      domain[axis] = std::max(domain[axis], shape[axis]);
  }
  return domain;
}

LogicalResult verifyRows(KernelOp kernel) {
  if (!kernel.getOuter() || !kernel.getChunks())
    return kernel.emitOpError("needs 'outer' and 'chunks'");
  unsigned outer = *kernel.getOuter();
  if (outer == 0)
    return success();
  Domain domain = findDomain(kernel, outer);
  auto fits = [&](Value value) {
    ArrayRef<int64_t> shape = pg::getTensorType(value).getShape();
    if (shape.empty())
      return true;
    if (shape.size() < outer)
      return false;
    for (unsigned axis = 0; axis < outer; ++axis)
      if (shape[axis] != 1 && shape[axis] != domain[axis])
        return false;
    return true;
  };
  for (Operation &op : kernel.getBlock().without_terminator()) {
    if (isa<pg::SplatOp, pg::ConstantOp, pg::ReshapeOp>(op))
      continue;
    if (getRole(&op) != Role::Row && !isa<pg::SliceOp>(op))
      return op.emitOpError("cannot be in a rows kernel");
    for (auto [i, operand] : llvm::enumerate(op.getOperands()))
      if (!fits(operand) && !(isa<pg::RopeOp>(op) && i > 0))
        return op.emitOpError("operand ")
               << i << " does not have the kernel's rows";
    if (isa<pg::PartialSumOp>(op)) {
      for (Operation *user : op.getUsers())
        if (!isa<pg::sched::YieldOp>(user))
          return op.emitOpError("is complete only when the kernel is");
    } else if (!fits(op.getResult(0))) {
      return op.emitOpError("result does not have the kernel's rows");
    }
  }
  return success();
}

struct VerifyFusedPass : impl::VerifyFusedBase<VerifyFusedPass> {
  using Base::Base;
  void runOnOperation() override {
    for (Operation &op : *getOperation().getBody()) {
      LogicalResult result = success();
      if (auto function = dyn_cast<func::FuncOp>(op);
          function && !function.isDeclaration())
        result = verifyFunction(function);
      else if (auto kernel = dyn_cast<KernelOp>(op);
               kernel && kernel.getKind() == "rows")
        result = verifyRows(kernel);
      if (failed(result))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace pgc
