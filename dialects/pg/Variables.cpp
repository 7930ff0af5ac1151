// Variables, and the operations that use them.
#include "dialects/pg/Pg.h"

using namespace mlir;
using namespace pg;

void VariableOp::build(OpBuilder &builder, OperationState &state,
                       StringRef name, RankedTensorType type, StringRef space) {
  Properties &properties = state.getOrAddProperties<Properties>();
  properties.sym_name = builder.getStringAttr(name);
  properties.type = TypeAttr::get(type);
  properties.space = builder.getStringAttr(space);
}

LogicalResult VariableOp::verify() {
  std::optional<DictionaryAttr> init = getInit();
  if (!init)
    return success();
  auto kind = init->getAs<StringAttr>("kind");
  if (!kind)
    return emitOpError("has an init without a kind");
  if (kind.getValue() == "constant") {
    auto value = init->getAs<ElementsAttr>("value");
    if (!value)
      return emitOpError("has a constant init without a value");
    auto joined = broadcastShapes(
        cast<RankedTensorType>(value.getShapedType()).getShape(),
        getTensorType().getShape());
    if (!joined || ArrayRef<int64_t>(*joined) != getTensorType().getShape())
      return emitOpError("has an init that does not spread to its shape");
    return success();
  }
  if (kind.getValue() == "computed") // by the function of role "init"
    return success();
  if (kind.getValue() == "normal")
    return init->getAs<FloatAttr>("std")
               ? success()
               : emitOpError("has a normal init without a std");
  if (kind.getValue() == "orthogonal")
    return init->getAs<FloatAttr>("scale")
               ? success()
               : emitOpError("has an orthogonal init without a scale");
  return emitOpError("has an init of unknown kind '") << kind.getValue() << "'";
}

void LoadOp::build(OpBuilder &builder, OperationState &state,
                   VariableOp variable) {
  build(builder, state, variable.getTensorType(), variable.getSymName());
}

namespace {
/// The variable must exist and have the type of the value.
LogicalResult checkVariable(Operation *op, FlatSymbolRefAttr name, Type type,
                            SymbolTableCollection &tables) {
  auto variable = tables.lookupNearestSymbolFrom<VariableOp>(op, name);
  if (!variable)
    return op->emitOpError("names no variable: ") << name;
  if (variable.getType() == type)
    return success();
  InFlightDiagnostic error = op->emitOpError("has type ")
                             << type << ", the variable " << variable.getType();
  error.attachNote(variable.getLoc()) << "the variable is here";
  return error;
}
} // namespace

LogicalResult LoadOp::verifySymbolUses(SymbolTableCollection &tables) {
  return checkVariable(*this, getVariableAttr(), getType(), tables);
}
LogicalResult StoreOp::verifySymbolUses(SymbolTableCollection &tables) {
  return checkVariable(*this, getVariableAttr(), getValue().getType(), tables);
}
LogicalResult AccumulateOp::verifySymbolUses(SymbolTableCollection &tables) {
  return checkVariable(*this, getVariableAttr(), getValue().getType(), tables);
}
