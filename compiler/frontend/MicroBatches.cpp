// Makes of a forward function what runs on one of a part's micro-batches.
#include "compiler/frontend/BatchSplit.h"
#include "dialects/pg/Building.h"

namespace pgc {

using mlir::Value;

static std::string stateName(llvm::StringRef phase) {
  return "measure." + phase.str() + ":whole";
}

static pg::LoadOp loadState(mlir::ImplicitLocOpBuilder &b,
                            pg::StopGradientOp gathered,
                            llvm::StringRef phase) {
  return pg::LoadOp::create(b, gathered.getType(), stateName(phase));
}

/// The micro-batch's number, compared with 0.
static Value compareNumber(mlir::ImplicitLocOpBuilder &b,
                           pg::Predicate predicate, mlir::Type elementType) {
  Value number =
      pg::SplatOp::create(b, pg::MicroBatchOp::create(b), elementType);
  return pg::CompareOp::create(b, predicate, number,
                               pg::ConstantOp::create(b, 0.0, elementType));
}

mlir::func::FuncOp buildMeasure(mlir::func::FuncOp forward,
                                llvm::StringRef phase) {
  auto measure = llvm::cast<mlir::func::FuncOp>(forward->clone());
  mlir::OpBuilder(forward).insert(measure);
  measure.setSymName(("measure." + phase).str());
  measure->setAttr("pg.role",
                   mlir::StringAttr::get(forward.getContext(), "measure"));
  mlir::Operation *terminator = measure.getBody().front().getTerminator();
  mlir::ImplicitLocOpBuilder b(measure.getLoc(), terminator);
  pg::StopGradientOp gathered = findGathered(measure);
  mlir::OpBuilder module(forward);
  pg::VariableOp::create(module, measure.getLoc(), stateName(phase),
                         gathered.getType(), "state");
  mlir::Type elementType = gathered.getType().getElementType();
  Value x = gathered.getX(), before = loadState(b, gathered, phase);
  Value later = compareNumber(b, pg::Predicate::gt, elementType);
  Value sofar = pg::SelectOp::create(b, later, before, x);
  pg::StoreOp::create(b, pg::MaxOp::create(b, sofar, x), stateName(phase));
  terminator->setOperands({});
  measure.setResAttrsAttr(nullptr);
  measure.setFunctionType(mlir::FunctionType::get(
      forward.getContext(), measure.getArgumentTypes(), {}));
  return measure;
}

void joinMicroBatches(mlir::func::FuncOp forward, const BatchSplit &split,
                      llvm::StringRef phase, int64_t micros) {
  if (pg::StopGradientOp gathered = findGathered(forward)) {
    mlir::ImplicitLocOpBuilder b(gathered.getLoc(), gathered);
    gathered.getXMutable().assign(loadState(b, gathered, phase));
  }
  if (!llvm::is_contained(split.ofFirst, true))
    return;
  // Terms of the first sequences: `micros` times in the first micro-batch, 0
  // times in others; so their mean is their value.
  mlir::Operation *terminator = forward.getBody().front().getTerminator();
  mlir::ImplicitLocOpBuilder b(forward.getLoc(), terminator);
  Value loss;
  size_t term = 0;
  for (mlir::OpOperand &result : terminator->getOpOperands()) {
    auto name = forward.getResultAttrOfType<mlir::StringAttr>(
        result.getOperandNumber(), "pg.name");
    if (!name.getValue().starts_with("term."))
      continue;
    Value value = result.get();
    if (split.ofFirst[term++]) {
      mlir::Type elementType = pg::getTensorType(value).getElementType();
      Value isFirst = compareNumber(b, pg::Predicate::eq, elementType);
      Value times = pg::SelectOp::create(
          b, isFirst, pg::ConstantOp::create(b, double(micros), elementType),
          pg::ConstantOp::create(b, 0.0, elementType));
      value = pg::MulOp::create(b, value, times);
      result.set(value);
    }
    loss = loss ? Value(pg::AddOp::create(b, loss, value)) : value;
  }
  terminator->setOperand(0, loss);
}

} // namespace pgc
