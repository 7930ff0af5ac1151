// fuse: functions of tensor operations become functions of kernel calls.
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/fusion/Outline.h"
#include "compiler/passes/fusion/RecomputeInputs.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_FUSE
#include "compiler/passes/fusion/FusionPasses.h.inc"

namespace {

bool isRemovable(Operation *op) {
  return isa<pg::LoadOp>(op) ||
         (isMemoryEffectFree(op) && !op->hasTrait<OpTrait::IsTerminator>());
}

/// Gives every variable one load, ahead of all stores; later loads of what was
/// stored take the value itself.
LogicalResult forwardVariables(func::FuncOp function) {
  llvm::StringMap<Value> known;
  llvm::StringSet<> accumulated;
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
    if (auto load = dyn_cast<pg::LoadOp>(op)) {
      if (accumulated.contains(load.getVariable()))
        return load.emitOpError(
            "reads a variable that this function has added to");
      Value &value = known[load.getVariable()];
      if (value) {
        load.getResult().replaceAllUsesWith(value);
        load.erase();
      } else {
        value = load.getResult();
      }
    } else if (auto store = dyn_cast<pg::StoreOp>(op)) {
      known[store.getVariable()] = store.getValue();
    } else if (auto accumulate = dyn_cast<pg::AccumulateOp>(op)) {
      accumulated.insert(accumulate.getVariable());
    }
  }
  return success();
}

/// Indices of so many bytes are computed once; more are computed where they are
/// used.
constexpr int64_t smallTable = 1 << 14;

/// Whether the value is widened from bf16, but for its shape.
bool isWidened(Value value) {
  while (auto reshape = value.getDefiningOp<pg::ReshapeOp>())
    value = reshape.getX();
  auto convert = value.getDefiningOp<pg::ConvertOp>();
  return convert && pg::getTensorType(convert.getX()).getElementType().isBF16();
}

/// Gives each use of the operation's result a copy of the operation.
void copyForEachUse(Operation *op) {
  if (op->use_empty() || op->hasOneUse())
    return;
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : llvm::drop_begin(op->getUses()))
    uses.push_back(&use);
  for (OpOperand *use : uses) {
    OpBuilder b(op);
    b.setInsertionPointAfter(op);
    use->set(b.clone(*op)->getResult(0));
  }
}

/// Simplifies what would stand between operations and their kernels.
void localize(func::FuncOp function) {
  SmallVector<Operation *> ops;
  for (Operation &op : function.getBody().front())
    ops.push_back(&op);
  // Elementwise operations broadcast by themselves.
  for (Operation *op : ops) {
    if (!isElementwise(op))
      continue;
    ArrayRef<int64_t> shape = pg::getTensorType(op->getResult(0)).getShape();
    for (OpOperand &operand : op->getOpOperands()) {
      auto broadcast = operand.get().getDefiningOp<pg::BroadcastOp>();
      if (!broadcast)
        continue;
      pg::Shape joined(pg::getTensorType(broadcast.getX()).getShape());
      for (OpOperand &other : op->getOpOperands())
        if (other.getOperandNumber() != operand.getOperandNumber())
          joined = *pg::broadcastShapes(
              joined, pg::getTensorType(other.get()).getShape());
      if (ArrayRef<int64_t>(joined) == shape)
        operand.set(broadcast.getX());
    }
  }
  // What is held in bf16 is widened by each that reads it, whatever the shape.
  for (Operation *op : llvm::reverse(ops))
    if (isa<pg::ReshapeOp>(op) && isWidened(op->getResult(0)))
      copyForEachUse(op);
  // What is larger than what it is made from is made where it is used.
  for (Operation *op : ops) {
    bool expands =
        isa<pg::BroadcastOp, pg::ConvertOp, pg::IotaOp>(op) &&
        getBytes(op->getResult(0)) >
            (op->getNumOperands() ? getBytes(op->getOperand(0)) : smallTable);
    if (expands)
      copyForEachUse(op);
  }
  // Kernels add only what they compute.
  for (Operation *op : ops) {
    auto accumulate = dyn_cast<pg::AccumulateOp>(op);
    if (!accumulate)
      continue;
    Operation *producer = getProducer(accumulate.getValue());
    Role role = producer ? getRole(producer) : Role::Source;
    bool throughSlice = false;
    for (Value value = accumulate.getValue(); value != getViewed(value);
         value = value.getDefiningOp()->getOperand(0))
      throughSlice |= isa<pg::SliceOp>(value.getDefiningOp());
    // Only rows have kernels with several results, of which others may be kept.
    bool oneResult =
        producer && role != Role::Row && !accumulate.getValue().hasOneUse();
    if (role != Role::Source && role != Role::Free && role != Role::Concat &&
        !throughSlice && !oneResult)
      continue;
    OpBuilder b(op);
    Value zero = pg::ConstantOp::create(
        b, op->getLoc(), 0.0,
        pg::getTensorType(accumulate.getValue()).getElementType());
    accumulate.getValueMutable().set(
        pg::AddOp::create(b, op->getLoc(), accumulate.getValue(), zero));
  }
  for (Operation *op : llvm::reverse(ops))
    if (op->use_empty() && isRemovable(op))
      op->erase();
}

/// Replaces the operations of a function by calls of their kernels.
class Caller {
public:
  Caller(func::FuncOp function, KernelLibrary &library)
      : block(function.getBody().front()), groups(function), library(library),
        builder(function.getContext()) {
    for (unsigned i = 0; i < groups.list.size(); ++i)
      outlined.push_back(groups.list[i].kind.empty()
                             ? OutlinedGroup{}
                             : outlineGroup(groups, i, library));
  }

  void run() {
    SmallVector<Operation *> old;
    for (Operation &op : block)
      old.push_back(&op);
    builder.setInsertionPoint(block.getTerminator());
    for (auto [group, made] : llvm::zip(groups.list, outlined)) {
      if (group.kind.empty())
        move(group.ops.front());
      else
        call(group, made);
    }
    for (Operation *op : old)
      if (isa<pg::StoreOp>(op))
        move(op);
    for (OpOperand &operand : block.getTerminator()->getOpOperands())
      operand.set(get(operand.get()));
    for (Operation *op : llvm::reverse(old))
      if (isa<pg::AccumulateOp, pg::StoreOp>(op) ||
          (op->use_empty() && isRemovable(op)))
        op->erase();
  }

private:
  /// The value where it lies in memory.
  Value get(Value value) {
    if (Value found = inMemory.lookup(value))
      return found;
    Operation *op = value.getDefiningOp();
    if (!op || getRole(op) != Role::View)
      return value;
    Value from = get(op->getOperand(0));
    Operation *view = builder.clone(*op);
    view->setOperand(0, from);
    return inMemory[value] = view->getResult(0);
  }

  Value get(const KernelInput &input) {
    Value value = get(input.value);
    if (value.getType() == input.type)
      return value;
    return pg::ReshapeOp::create(builder, value.getLoc(), value,
                                 input.type.getShape());
  }

  void move(Operation *op) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(get(operand));
    Operation *moved = builder.clone(*op);
    moved->setOperands(operands);
    for (auto [from, to] : llvm::zip(op->getResults(), moved->getResults()))
      inMemory[from] = to;
  }

  void call(const Group &group, const OutlinedGroup &made) {
    Location loc = group.ops.front()->getLoc();
    SmallVector<Value> operands;
    for (const KernelInput &input : made.inputs)
      operands.push_back(get(input));
    for (const Slot &slot : library.getScalars(made.kernel))
      operands.push_back(slot.stepValue ? slot.stepValue
                                        : getNumber(slot.constant));
    SmallVector<Type> types;
    pg::sched::KernelOp kernel = library.getKernel(made.kernel);
    for (auto [i, value] : llvm::enumerate(kernel.getYielded()))
      if (!kernel.accumulates(i))
        types.push_back(value.getType());
    ArrayAttr accumulates;
    if (!made.accumulated.empty())
      accumulates = builder.getArrayAttr(SmallVector<Attribute>(
          made.accumulated.begin(), made.accumulated.end()));
    auto call = pg::sched::CallOp::create(
        builder, loc, types, kernel.getSymName(), operands, accumulates);
    for (auto [value, result] : llvm::zip(made.stored, call.getResults()))
      inMemory[value] = result;
  }

  Value getNumber(double number) {
    Value &value = numbers[llvm::bit_cast<uint64_t>(number)];
    if (!value) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(&block);
      value =
          arith::ConstantOp::create(builder, block.getTerminator()->getLoc(),
                                    builder.getF64FloatAttr(number));
    }
    return value;
  }

  Block &block;
  Groups groups;
  KernelLibrary &library;
  OpBuilder builder;
  SmallVector<OutlinedGroup> outlined;
  llvm::DenseMap<Value, Value> inMemory;
  std::map<uint64_t, Value> numbers;
};

struct FusePass : impl::FuseBase<FusePass> {
  using Base::Base;
  void runOnOperation() override {
    ModuleOp module = getOperation();
    KernelLibrary library(module);
    SmallVector<std::unique_ptr<Caller>> callers;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function.isDeclaration())
        continue;
      if (!llvm::hasSingleElement(function.getBody())) {
        function.emitOpError("cannot be fused: it has more than one block");
        return signalPassFailure();
      }
      if (failed(forwardVariables(function)))
        return signalPassFailure();
      localize(function);
      recomputeInputs(function);
      callers.push_back(std::make_unique<Caller>(function, library));
    }
    library.finish();
    for (auto &caller : callers)
      caller->run();
  }
};

} // namespace
} // namespace pgc
