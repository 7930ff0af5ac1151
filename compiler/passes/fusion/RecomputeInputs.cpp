#include "compiler/passes/fusion/RecomputeInputs.h"
#include "compiler/passes/fusion/Epilogue.h"
#include "compiler/passes/fusion/Grouping.h"
#include "compiler/passes/fusion/OpFacts.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace pgc {

namespace {

/// Operations that computing one value again may take.
constexpr unsigned maxOps = 12;

class InputRecomputer {
public:
  explicit InputRecomputer(func::FuncOp function)
      : groups(function), tokens(getTokenDomains(function)) {}

  void run() {
    for (unsigned i = 0; i < groups.list.size(); ++i)
      if (groups.list[i].kind == "rows" && !groups.list[i].domain.empty())
        shorten(i);
  }

private:
  /// Whether it is an activation that is held in bf16.
  bool isHeld(Value value) const {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.getElementType().isBF16() && isActivation(type, tokens);
  }

  /// Has the group's kernel compute what it reads from other things it reads.
  void shorten(unsigned index) {
    llvm::SetVector<Value> inputs;
    for (Operation *op : groups.list[index].ops)
      for (Value operand : op->getOperands())
        if (Operation *producer = operand.getDefiningOp();
            isHeld(operand) && (!producer || !groups.contains(index, producer)))
          inputs.insert(operand);
    // Later ones first: they are made from earlier ones, which stay.
    SmallVector<Value> candidates;
    for (Value input : inputs)
      if (input.getDefiningOp<pg::ConvertOp>())
        candidates.push_back(input);
    llvm::sort(candidates, [](Value a, Value b) {
      return b.getDefiningOp()->isBeforeInBlock(a.getDefiningOp());
    });
    llvm::DenseSet<Value> needed;
    for (Value value : candidates) {
      llvm::SetVector<Operation *> ops;
      llvm::DenseSet<Value> sources;
      if (needed.contains(value) ||
          !findOps(value, value, inputs, ops, sources) || sources.empty())
        continue;
      needed.insert(sources.begin(), sources.end());
      inputs.remove(value);
      replace(index, value, ops.getArrayRef());
    }
  }

  /// The elementwise operations that make the value from other inputs, each
  /// after those that it needs; false if there are none.
  bool findOps(Value value, Value wanted, const llvm::SetVector<Value> &inputs,
               llvm::SetVector<Operation *> &ops,
               llvm::DenseSet<Value> &sources) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || !isActivation(type, tokens))
      return true;
    if (value != wanted && inputs.contains(value)) {
      sources.insert(value);
      return true;
    }
    Operation *op = value.getDefiningOp();
    if (!op || !isElementwise(op) || (value != wanted && isHeld(value)))
      return false;
    for (Value operand : op->getOperands())
      if (!findOps(operand, wanted, inputs, ops, sources))
        return false;
    ops.insert(op);
    return ops.size() <= maxOps;
  }

  void replace(unsigned index, Value value, ArrayRef<Operation *> ops) {
    Operation *first = nullptr;
    for (Operation *user : value.getUsers())
      if (groups.contains(index, user) &&
          (!first || user->isBeforeInBlock(first)))
        first = user;
    OpBuilder b(first);
    IRMapping mapping;
    for (Operation *op : ops)
      b.clone(*op, mapping)->setAttr(recomputeAttr, b.getUnitAttr());
    value.replaceUsesWithIf(mapping.lookup(value), [&](OpOperand &use) {
      return groups.contains(index, use.getOwner());
    });
  }

  Groups groups;
  SmallVector<Domain> tokens;
};

} // namespace

void recomputeInputs(func::FuncOp function) { InputRecomputer(function).run(); }

} // namespace pgc
