// count-model-flops: notes each program's useful work.
#include "compiler/pgc/Passes.h"
#include "dialects/pg/Pg.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_COUNTMODELFLOPS
#include "compiler/pgc/Passes.h.inc"

namespace {

double elements(Value value) {
  return cast<RankedTensorType>(value.getType()).getNumElements();
}

/// Multiplications of a matrix product; 0 for other operations.
double multiplications(Operation &op) {
  if (auto linear = dyn_cast<pg::LinearOp>(op))
    return elements(linear.getResult()) *
           cast<RankedTensorType>(linear.getX().getType()).getShape().back();
  if (auto matmul = dyn_cast<pg::MatmulOp>(op)) {
    auto shape = cast<RankedTensorType>(matmul.getA().getType()).getShape();
    return elements(matmul.getResult()) *
           shape[shape.size() - (matmul.getTransposeA() ? 2 : 1)];
  }
  return 0;
}

/// (T + 1) H D for each position, on average over all; the last S of them see
/// (2 T - S + 1) / 2 keys each.
double attended(Operation &op) {
  auto attention = dyn_cast<pg::AttentionOp>(op);
  if (!attention)
    return 0;
  auto q = cast<RankedTensorType>(attention.getQ().getType()),
       k = cast<RankedTensorType>(attention.getK().getType());
  return elements(attention.getQ()) *
         (2 * k.getDimSize(1) - q.getDimSize(1) + 1);
}

struct CountModelFlopsPass : impl::CountModelFlopsBase<CountModelFlopsPass> {
  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      auto role = func->getAttrOfType<StringAttr>("pg.role");
      if (!role || !llvm::is_contained({"forward", "adapt", "score", "logits"},
                                       role.getValue()))
        continue;
      bool trains = role == "forward" || role == "adapt";
      double flops = 0;
      for (Operation &op : func.getBody().front())
        flops += multiplications(op) * (trains ? 6 : 2) +
                 attended(op) * (trains ? 7 : 2);
      func->setAttr("pg.model_flops", Builder(func).getF64FloatAttr(flops));
    }
  }
};

} // namespace
} // namespace pgc
