// The elementwise operations that a product kernel does on its result before it
// is stored.
#pragma once

#include "mlir/IR/Operation.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace pgc {

/// Marks operations that are computed a second time for the backward pass: they
/// belong beside what uses them.
inline constexpr llvm::StringLiteral recomputeAttr = "pg.recompute";

/// Whether the operation does nothing but round a result of `producer` that
/// nothing else reads to bf16: then that is how it is stored.
bool isNarrowing(mlir::Operation *op, mlir::Operation *producer);

/// The elementwise operations, in the order of the function, that are best done
/// in the kernel of `product`: each has the shape of its result, and all that
/// they need besides is there before the product is. `getOwner` says that an
/// operation belongs to the epilogue of that product already (null if to none),
/// `joinsRows(op, user)` that a kernel over rows would do both.
llvm::SmallVector<mlir::Operation *> findEpilogue(
    mlir::Operation *product,
    llvm::function_ref<mlir::Operation *(mlir::Operation *)> getOwner,
    llvm::function_ref<bool(mlir::Operation *op, mlir::Operation *user)>
        joinsRows);

} // namespace pgc
