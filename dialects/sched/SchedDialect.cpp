// The dialect itself and its attributes.
#include "dialects/sched/Sched.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace pg::sched;

#include "dialects/sched/SchedDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/sched/SchedAttrs.cpp.inc"

void SchedDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/sched/SchedAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/sched/SchedOps.cpp.inc"
      >();
}

LogicalResult BufAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                              FlatSymbolRefAttr arena, int64_t offset,
                              int64_t bytes) {
  if (offset < 0 || bytes < 0)
    return emitError() << "a buffer cannot have a negative offset or size";
  if (bytes > INT64_MAX - offset)
    return emitError() << "a buffer's end overflows";
  return success();
}

int64_t pg::sched::getByteSize(RankedTensorType type) {
  return type.getNumElements() *
         llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}
