// The `pg` dialect: models and optimizers as programs on tensors of static
// shape.
#pragma once

#include "dialects/pg/Shapes.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace pg {

/// No gradient flows through the operation.
template <typename ConcreteOp>
class ZeroGradient : public mlir::OpTrait::TraitBase<ConcreteOp, ZeroGradient> {
};

class VariableOp;

} // namespace pg

#include "dialects/pg/PgDialect.h.inc"
#include "dialects/pg/PgEnums.h.inc"
#include "dialects/pg/PgInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/pg/PgAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/pg/PgOps.h.inc"
