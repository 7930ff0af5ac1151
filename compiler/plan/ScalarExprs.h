// Step values as the plan keeps them: a graph of double arithmetic, each node
// once.
#pragma once

#include "mlir/IR/Value.h"
#include "mlir/Support/LLVM.h"
#include "runtime/plan/plan.pb.h"

#include "llvm/ADT/DenseMap.h"
#include <map>
#include <tuple>
#include <vector>

namespace pgc {

/// Adds expressions to the plan's list; equal ones are shared.
class ScalarExprs {
public:
  explicit ScalarExprs(pgrt::plan::Plan &plan) : plan(plan) {}

  /// The index of the f64 (or i1) value's expression in Plan.scalars. An
  /// operation that a plan cannot express gives an error at its place.
  mlir::FailureOr<uint32_t> add(mlir::Value value);

private:
  using Op = pgrt::plan::ScalarExpr;
  uint32_t node(Op::Op op, std::vector<uint32_t> args, double value = 0);
  mlir::FailureOr<uint32_t> convert(mlir::Operation *op);

  pgrt::plan::Plan &plan;
  llvm::DenseMap<mlir::Value, uint32_t> done;
  std::map<std::tuple<int, std::vector<uint32_t>, uint64_t>, uint32_t> nodes;
};

} // namespace pgc
