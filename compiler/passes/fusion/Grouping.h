// Which operations of a function are computed together.
#pragma once

#include "compiler/passes/fusion/OpFacts.h"
#include "compiler/passes/fusion/RowDomain.h"
#include "llvm/ADT/DenseMap.h"

namespace pgc {

/// The operations of a future kernel, in the order of the function. Free
/// operations and reshapes belong to no group: those that a kernel needs are
/// made anew in it.
struct Group {
  llvm::StringRef kind; // as of sched.kernel; empty for pg.concat, which stays
                        // in the function
  Domain domain;        // of a rows kernel
  llvm::SmallVector<mlir::Operation *> ops;
};

/// The groups of a function, in an order in which they can be computed.
///
/// Every operation has a *level*: the number of boundaries between kernels
/// before it. An edge between two Row operations of one domain, row to same
/// row, is no boundary; every other edge is. Operations of one level and domain
/// that are connected by such edges form a group. So no two groups ever wait
/// for each other. Before groups are formed, products absorb the elementwise
/// operations behind them, and operations move to a later level where that
/// saves traffic.
struct Groups {
  llvm::SmallVector<Group> list;
  llvm::DenseMap<mlir::Operation *, unsigned> groupOf; // index into `list`

  explicit Groups(mlir::func::FuncOp function);

  /// Whether `op` belongs to the group.
  bool contains(unsigned group, mlir::Operation *op) const {
    auto found = groupOf.find(op);
    return found != groupOf.end() && found->second == group;
  }
};

} // namespace pgc
