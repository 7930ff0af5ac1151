// Step values: numbers computed from `step` and `progress` before each step.
// They are kept as a graph of double arithmetic, which can be evaluated here
// (to find the phases that can occur) and emitted as arith and math ops.
#pragma once

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"
#include <map>
#include <memory>
#include <tuple>
#include <vector>

namespace pgc {

/// A node of the graph. Nodes are unique: equal expressions are one pointer.
struct StepExpr {
  enum class Op {
    Constant,
    Step,
    Progress,
    Solved, // what `solve` raises; `constant`: from where
    Neg,
    Abs,
    Sqrt,
    Exp,
    Log,
    Tanh,
    Cos,
    Floor,
    Round, // halves to even
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Min,
    Max,
    Equal, // comparisons give 1 or 0
    NotEqual,
    Less,
    LessEqual,
    Select, // operands: condition (0 is false), then, else
  };
  Op op;
  double constant = 0;
  const StepExpr *operands[3] = {nullptr, nullptr, nullptr};

  bool isConstant() const { return op == Op::Constant; }
  bool isComparison() const { return op >= Op::Equal && op <= Op::LessEqual; }
};

/// Makes and owns step expressions; folds those of constants.
class StepGraph {
public:
  const StepExpr *constant(double value);
  const StepExpr *leaf(StepExpr::Op op); // Step or Progress
  /// The constant that `solve` raises, from its value in the file.
  const StepExpr *solved(double start);
  const StepExpr *get(StepExpr::Op op, const StepExpr *a,
                      const StepExpr *b = nullptr, const StepExpr *c = nullptr);

  /// floor(a / b), and what is left: both round down.
  const StepExpr *floorDiv(const StepExpr *a, const StepExpr *b);
  const StepExpr *mod(const StepExpr *a, const StepExpr *b);
  const StepExpr *sigmoid(const StepExpr *a);
  /// 1 where a is not 0, else 0.
  const StepExpr *truth(const StepExpr *a);

  size_t size() const { return nodes.size(); }

private:
  using Key = std::tuple<int, uint64_t, const StepExpr *, const StepExpr *,
                         const StepExpr *>;
  const StepExpr *unique(StepExpr node);
  std::map<Key, std::unique_ptr<StepExpr>> nodes;
};

/// The value of an expression at a point of the schedule.
double evaluate(const StepExpr *expr, double step, double progress);

/// The constants that some `step` or `progress` is compared with: where the
/// value of a condition may change.
void collectThresholds(const StepExpr *expr, std::vector<double> &thresholds);

/// Whether an expression depends on what `solve` raises.
bool dependsOnSolved(const StepExpr *expr);

/// Emits expressions as f64 ops, each once, at the start of one block.
class StepEmitter {
public:
  StepEmitter(mlir::Block *entry) : entry(entry) {}
  mlir::Value emit(const StepExpr *expr, mlir::Location loc);

private:
  mlir::OpBuilder builder();
  mlir::Value remember(mlir::Value value);
  template <typename OpT, typename... Args>
  mlir::Value create(mlir::Location loc, Args... args);
  mlir::Value constant(double value, mlir::Location loc);
  mlir::Value emitCondition(const StepExpr *expr, mlir::Location loc);
  mlir::Value emitNew(const StepExpr *expr, mlir::Location loc);

  mlir::Block *entry;
  mlir::Operation *last = nullptr; // the op that was emitted last
  llvm::DenseMap<const StepExpr *, mlir::Value> done;
};

} // namespace pgc
