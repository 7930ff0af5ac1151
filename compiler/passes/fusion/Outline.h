// Making a kernel of a group of operations.
#pragma once

#include "compiler/passes/fusion/Grouping.h"
#include "compiler/passes/fusion/KernelLibrary.h"

namespace pgc {

/// A kernel's operand: a value of the function, of that or another shape.
struct KernelInput {
  mlir::Value value;
  mlir::RankedTensorType type;
};

/// What a call of the kernel of a group takes and gives.
struct OutlinedGroup {
  KernelLibrary::Use kernel;
  llvm::SmallVector<KernelInput> inputs;
  llvm::SmallVector<mlir::Value>
      stored; // values of the function that the kernel stores
  llvm::SmallVector<mlir::FlatSymbolRefAttr>
      accumulated; // variables that it adds to
};

/// Makes the kernel of group number `index` and adds it to the library. The
/// function is left as it is.
OutlinedGroup outlineGroup(const Groups &groups, unsigned index,
                           KernelLibrary &library);

} // namespace pgc
