// The `sched` dialect: kernels, and programs of launches over buffers at fixed
// offsets.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/sched/SchedDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/sched/SchedAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/sched/SchedOps.h.inc"

namespace pg::sched {

/// Bytes that a tensor takes in memory: dense, row-major, i1 as one byte.
int64_t getByteSize(mlir::RankedTensorType type);

} // namespace pg::sched
