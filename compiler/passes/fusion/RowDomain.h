// The rows of a kernel of kind "rows".
//
// Such a kernel's *domain* is the list of sizes of its `outer` leading axes;
// its rows are the elements of their product. In its body every tensor has rank
// 0, or at least `outer` axes, of which the leading ones are rows: each has the
// size of the domain, or 1 if the tensor does not depend on it. (Only
// `pg.rope`'s tables keep their own shape, [T, n]: row (b, t) reads table row
// t.) No operation of the body mixes elements of different rows, except
// `pg.partial_sum`, whose result only leaves the kernel.
//
// A kernel whose domain is empty (outer = 0) has a single row: the operations
// may do as they please.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"

namespace pgc {

/// Sizes of the leading axes that are rows.
using Domain = llvm::SmallVector<int64_t, 2>;

/// Values of so few elements a token are kept whatever they are: they cost
/// little.
inline constexpr int64_t smallPerToken = 16;

/// Sizes [B, T] of the function's tokens, if it takes any.
Domain getTokenDomain(mlir::func::FuncOp function);

/// That, and [B, n] for each length n that prune-by-demand cut values to.
llvm::SmallVector<Domain> getTokenDomains(mlir::func::FuncOp function);

/// The domain in which a Row operation is computed: one of `tokens` where it
/// works token by token, else the first axis, else none.
Domain chooseDomain(mlir::Operation *op, llvm::ArrayRef<Domain> tokens);

/// Into how many pieces the rows of a domain fall. It depends on the number of
/// rows alone, so that kernels of one domain agree.
int64_t getChunks(const Domain &domain);

/// Whether `shape` has the domain's rows as its leading axes.
bool hasRows(llvm::ArrayRef<int64_t> shape, const Domain &domain);

/// Whether the tensor holds many numbers for each token of one of the domains:
/// what takes memory, and traffic.
bool isActivation(mlir::RankedTensorType type, llvm::ArrayRef<Domain> tokens);

/// Whether row r of Row operation `op`, computed over `domain`, reads only row
/// r of what produces its operand number `index`, and that is computed over the
/// same domain too: then both can be in one kernel.
bool readsSameRow(mlir::Operation *op, unsigned index, const Domain &domain);

} // namespace pgc
