#include "dialects/pg/Pg.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "dialects/pg/PgDialect.cpp.inc"
#include "dialects/pg/PgEnums.cpp.inc"
#include "dialects/pg/PgInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/pg/PgAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/pg/PgOps.cpp.inc"

void pg::PgDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/pg/PgAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/pg/PgOps.cpp.inc"
      >();
}

mlir::Operation *pg::PgDialect::materializeConstant(mlir::OpBuilder &builder,
                                                    mlir::Attribute value,
                                                    mlir::Type type,
                                                    mlir::Location location) {
  auto elements = llvm::dyn_cast<mlir::ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, location, type, elements);
}
