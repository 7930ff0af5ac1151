// pack-weights: products read weights in the panels of their kernels.
#include "compiler/passes/Passes.h"
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/fusion/OpFacts.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "compiler/passes/fusion/FusionPasses.h.inc"

namespace {

/// The width of a panel on every target; bf16 lies in it in pairs along the
/// contracted axis.
constexpr int64_t panelWidth = 16;

struct PackWeightsPass : impl::PackWeightsBase<PackWeightsPass> {
  using Base::Base;
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    auto isWeight = [&](Value value) {
      if (auto convert = value.getDefiningOp<pg::ConvertOp>())
        value = convert.getX();
      auto load = value.getDefiningOp<pg::LoadOp>();
      auto variable =
          load ? symbols.lookup<pg::VariableOp>(load.getVariable()) : nullptr;
      return variable && variable.getSpace() == "parameter" &&
             variable.getTensorType().getRank() == 2;
    };
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!runsModel(function))
        continue;
      SmallVector<Operation *> products;
      function.walk([&](Operation *op) {
        if (isa<pg::LinearOp, pg::MatmulOp>(op))
          products.push_back(op);
      });
      for (Operation *op : products)
        if (isWeight(op->getOperand(1)))
          pack(op);
    }
  }

  static void pack(Operation *op) {
    auto matmul = dyn_cast<pg::MatmulOp>(op);
    if (matmul && matmul.getTransposeA())
      return;
    Value a = op->getOperand(0), weight = op->getOperand(1);
    auto form =
        !matmul || matmul.getTransposeB() ? pg::PackForm::nk : pg::PackForm::kn;
    int64_t group = pg::getTensorType(weight).getElementType().isBF16() ? 2 : 1;
    OpBuilder b(op);
    Value packed =
        pg::PackOp::create(b, op->getLoc(), form, weight, panelWidth, group);
    int64_t columns = pg::getTensorType(op->getResult(0)).getShape().back();
    auto product =
        pg::PackedMatmulOp::create(b, op->getLoc(), a, packed, columns);
    op->getResult(0).replaceAllUsesWith(product.getResult());
    op->erase();
  }
};

} // namespace
} // namespace pgc
