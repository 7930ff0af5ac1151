// merge-products: one product for several of the same operand.
#include "compiler/passes/Passes.h"
#include "compiler/passes/fusion/OpFacts.h"
#include "dialects/pg/Building.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_MERGEPRODUCTS
#include "compiler/passes/Passes.h.inc"

namespace {

/// What the weights are made of, in the order of the block; nothing unless that
/// is parameters alone.
std::optional<SmallVector<Operation *>> findSources(ArrayRef<Value> weights,
                                                    SymbolTable &symbols) {
  llvm::SetVector<Operation *> found;
  SmallVector<Value> open(weights);
  while (!open.empty()) {
    Operation *op = open.pop_back_val().getDefiningOp();
    if (!op)
      return std::nullopt;
    if (!found.insert(op))
      continue;
    if (auto load = dyn_cast<pg::LoadOp>(op)) {
      auto variable = symbols.lookup<pg::VariableOp>(load.getVariable());
      if (!variable || variable.getSpace() != "parameter")
        return std::nullopt;
    } else if (!isPure(op)) {
      return std::nullopt;
    }
    llvm::append_range(open, op->getOperands());
  }
  SmallVector<Operation *> ops(found.begin(), found.end());
  llvm::sort(ops,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  return ops;
}

/// Whether all that becomes of the product at once is computed element by
/// element: its kernel does that on the way, and would not for a slice.
bool hasEpilogueOnly(Value product) {
  return llvm::all_of(product.getUsers(), [](Operation *user) {
    if (auto reshape = dyn_cast<pg::ReshapeOp>(user))
      return hasEpilogueOnly(reshape.getResult());
    bool isAlone = isElementwise(user) ||
                   isa<pg::LeakyReluOp, pg::ClampOp, pg::LerpOp, pg::TanhCapOp,
                       pg::SkipGateOp, pg::StopGradientOp, pg::F32Op>(user);
    // What was decomposed already, as a norm, goes through rows again.
    return isAlone &&
           llvm::none_of(user->getUsers(), llvm::IsaPred<pg::ReduceOp>);
  });
}

/// Whether the product may be part of another: not where its own weight is to
/// be kept in float32.
bool isMergeable(pg::LinearOp product) {
  Value weight = product.getW();
  while (auto reshape = weight.getDefiningOp<pg::ReshapeOp>())
    weight = reshape.getX();
  return !weight.getDefiningOp<pg::F32Op>() &&
         !hasEpilogueOnly(product.getResult());
}

void merge(ArrayRef<pg::LinearOp> products, SymbolTable &symbols) {
  SmallVector<Value> weights;
  for (pg::LinearOp product : products)
    weights.push_back(product.getW());
  auto sources = findSources(weights, symbols);
  if (!sources)
    return;
  pg::LinearOp first = products.front();
  for (Operation *op : *sources)
    if (first->isBeforeInBlock(op))
      op->moveBefore(first);
  SmallVector<Location> locations;
  for (pg::LinearOp product : products)
    locations.push_back(product.getLoc());
  ImplicitLocOpBuilder b(FusedLoc::get(first.getContext(), locations), first);
  Value weight = pg::ConcatOp::create(b, weights);
  Value whole = pg::LinearOp::create(b, first.getX(), weight);
  ArrayRef<int64_t> shape = pg::getTensorType(whole).getShape();
  SmallVector<int64_t> offsets(shape.size(), 0), sizes(shape);
  for (pg::LinearOp product : products) {
    sizes.back() = product.getType().getShape().back();
    product.getResult().replaceAllUsesWith(
        pg::SliceOp::create(b, product.getLoc(), whole, offsets, sizes));
    offsets.back() += sizes.back();
  }
  for (pg::LinearOp product : products)
    product.erase();
}

struct MergeProductsPass : impl::MergeProductsBase<MergeProductsPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isDeclaration() ||
          (!runsModel(function) && getRole(function) != "forward"))
        continue;
      llvm::MapVector<Value, SmallVector<pg::LinearOp>> groups;
      for (auto product : function.getBody().front().getOps<pg::LinearOp>())
        if (isMergeable(product))
          groups[product.getX()].push_back(product);
      for (auto &[x, products] : groups)
        if (products.size() > 1)
          merge(products, symbols);
    }
  }
};

} // namespace
} // namespace pgc
