#include "compiler/passes/fusion/Outline.h"
#include "compiler/passes/fusion/Epilogue.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

namespace {

class Outliner {
public:
  Outliner(const Groups &groups, unsigned index)
      : groups(groups), index(index), group(groups.list[index]),
        loc(group.ops.front()->getLoc()), builder(loc.getContext()) {}

  OutlinedGroup run(KernelLibrary &library) {
    kernel = KernelOp::create(builder, loc, "kernel", group.kind, TypeRange{},
                              0, ArrayRef<StringRef>{});
    Block &block = kernel.getBlock();
    builder.setInsertionPointToEnd(&block);
    for (Operation *op : group.ops)
      copy(op);
    addResults();
    pg::sched::YieldOp::create(builder, loc, yields);
    removeUnused();
    kernel.setResultModesAttr(builder.getStrArrayAttr(modes));
    kernel.setScalars(slots.size());
    if (group.kind == "rows") {
      kernel.setOuter(group.domain.size());
      kernel.setChunks(getChunks(group.domain));
    }
    outlined.kernel = library.add(kernel, std::move(slots));
    return std::move(outlined);
  }

private:
  bool isMember(Operation *op) const {
    return op && groups.contains(index, op);
  }
  bool isRows() const { return group.kind == "rows"; }

  //===--------------------------------------------------------------------===//
  // The body
  //===--------------------------------------------------------------------===//

  void copy(Operation *op) {
    SmallVector<Value> operands;
    for (OpOperand &operand : op->getOpOperands())
      operands.push_back(getLocal(op, operand));
    if (Operation *same = findSame(op, operands)) {
      local[op->getResult(0)] = same->getResult(0);
      return;
    }
    Operation *clone = builder.clone(*op);
    clone->setOperands(operands);
    if (op->getNumResults() == 1)
      copies.push_back({op, clone});
    clone->removeAttr(recomputeAttr);
    for (auto [result, copied] :
         llvm::zip(op->getResults(), clone->getResults()))
      local[result] = copied;
  }

  void removeUnused() {
    Block &block = kernel.getBlock();
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
    for (unsigned i = slots.size(); i-- > 0;)
      if (unsigned number = block.getNumArguments() - slots.size() + i;
          block.getArgument(number).use_empty()) {
        block.eraseArgument(number);
        slots.erase(slots.begin() + i);
      }
  }

  /// An operation that the body has already, of the same operands or numbers:
  /// what is computed again may meet its original.
  Operation *findSame(Operation *op, ArrayRef<Value> operands) {
    if (op->getNumResults() != 1 || group.ops.size() > 256)
      return nullptr;
    auto isSame = [&](Value a, Value b) {
      if (a == b)
        return true;
      const Slot *first = findSlot(a), *second = findSlot(b);
      return first && second && *first == *second && a.getType() == b.getType();
    };
    for (auto [original, clone] : copies) {
      if (original->getName() != op->getName() ||
          original->getResult(0).getType() != op->getResult(0).getType() ||
          !llvm::equal(operands, clone->getOperands(), isSame))
        continue;
      Operation *other = original;
      auto withoutMark = [](Operation *of) {
        NamedAttrList attributes(of->getAttrs());
        attributes.erase(recomputeAttr);
        return attributes.getDictionary(of->getContext());
      };
      if (withoutMark(other) == withoutMark(op))
        return clone;
    }
    return nullptr;
  }

  /// The slot that a scalar of the body shows, if it is one.
  const Slot *findSlot(Value value) const {
    auto splat = value.getDefiningOp<pg::SplatOp>();
    auto found = splat ? slotOf.find(splat) : slotOf.end();
    return found == slotOf.end() ? nullptr : &slots[found->second];
  }

  /// What the body has for an operand.
  Value getLocal(Operation *op, OpOperand &operand) {
    Value value = operand.get();
    if (Value found = local.lookup(value))
      return found;
    if (isMember(getProducer(value))) {
      // Reshapes within a row are made anew.
      auto reshape = value.getDefiningOp<pg::ReshapeOp>();
      return local[value] = copyReshape(reshape);
    }
    Operation *producer = value.getDefiningOp();
    if (producer && getRole(producer) == Role::Free &&
        (isRows() || isElementwise(op)))
      return makeNumber(producer, givesShape(op, operand));
    return getArgument(value, getInputRank(op, value));
  }

  Value copyReshape(pg::ReshapeOp reshape) {
    Value from = local.lookup(reshape.getX());
    if (!from)
      from = local[reshape.getX()] =
          copyReshape(reshape.getX().getDefiningOp<pg::ReshapeOp>());
    return pg::ReshapeOp::create(
        builder, reshape.getLoc(), from,
        pg::getTensorType(reshape.getResult()).getShape());
  }

  /// The number of axes that the argument for an operand gets: in rows kernels
  /// all that the operation has.
  int64_t getInputRank(Operation *op, Value operand) {
    int64_t rank = pg::getTensorType(operand).getRank();
    if (!isRows() || group.domain.empty() || rank == 0)
      return rank;
    bool linesUpAtEnd = isElementwise(op) || isa<pg::BroadcastOp>(op);
    return linesUpAtEnd ? pg::getTensorType(op->getResult(0)).getRank() : rank;
  }

  Value getArgument(Value value, int64_t rank) {
    Value &argument = arguments[{value, rank}];
    if (!argument) {
      RankedTensorType type = pg::getTensorType(value);
      SmallVector<int64_t> shape(rank - type.getRank(), 1);
      llvm::append_range(shape, type.getShape());
      type = RankedTensorType::get(shape, type.getElementType());
      argument =
          kernel.getBlock().insertArgument(outlined.inputs.size(), type, loc);
      outlined.inputs.push_back({value, type});
    }
    return argument;
  }

  /// Whether no other operand of an elementwise operation has the shape of its
  /// result.
  static bool givesShape(Operation *op, OpOperand &operand) {
    if (!isElementwise(op))
      return true;
    RankedTensorType type = pg::getTensorType(op->getResult(0));
    for (OpOperand &other : op->getOpOperands()) {
      Operation *producer = other.get().getDefiningOp();
      bool isFree = producer && getRole(producer) == Role::Free;
      if (!isFree &&
          pg::getTensorType(other.get()).getShape() == type.getShape())
        return false;
    }
    return pg::getTensorType(operand.get()).getRank() != 0;
  }

  /// A splat constant or step value, as a scalar unless its shape matters.
  /// Floats become slots.
  Value makeNumber(Operation *op, bool keepShape) {
    RankedTensorType type = pg::getTensorType(op->getResult(0));
    auto scalar = RankedTensorType::get({}, type.getElementType());
    Value number;
    if (auto splat = dyn_cast<pg::SplatOp>(op)) {
      number = makeSlot({0, splat.getValue()}, scalar);
    } else if (auto broadcast = dyn_cast<pg::BroadcastOp>(op)) {
      number = makeNumber(broadcast.getX().getDefiningOp(), false);
    } else {
      auto elements =
          cast<DenseElementsAttr>(cast<pg::ConstantOp>(op).getValue());
      if (scalar.getElementType().isF32() || scalar.getElementType().isF64())
        number = makeSlot(
            {elements.getSplatValue<APFloat>().convertToDouble(), {}}, scalar);
      else
        number = pg::ConstantOp::create(
            builder, op->getLoc(), scalar,
            DenseElementsAttr::get(scalar,
                                   elements.getSplatValue<Attribute>()));
    }
    if (keepShape && type.getRank() != 0)
      number = pg::BroadcastOp::create(builder, op->getLoc(), number,
                                       type.getShape());
    return number;
  }

  Value makeSlot(Slot slot, RankedTensorType type) {
    Block &block = kernel.getBlock();
    Value argument = block.addArgument(builder.getF64Type(), loc);
    slots.push_back(slot);
    auto splat =
        pg::SplatOp::create(builder, loc, argument, type.getElementType());
    slotOf[splat] = slots.size() - 1;
    return splat;
  }

  //===--------------------------------------------------------------------===//
  // Results
  //===--------------------------------------------------------------------===//

  void addResults() {
    bool storesAll =
        group.kind == "attention" || group.kind == "attention_grad";
    llvm::MapVector<StringAttr, Value> sums; // by variable
    for (Operation *op : group.ops)
      for (Value result : op->getResults()) {
        SmallVector<pg::AccumulateOp> accumulates;
        if (findUses(result, accumulates) ||
            (storesAll && !isRounded(result))) {
          yields.push_back(local.lookup(result));
          modes.push_back("store");
          outlined.stored.push_back(result);
        }
        for (pg::AccumulateOp accumulate : accumulates) {
          Value value = local.lookup(result);
          ArrayRef<int64_t> shape =
              pg::getTensorType(accumulate.getValue()).getShape();
          if (isRows() && pg::getTensorType(value).getShape() != shape &&
              hasRows(shape, group.domain))
            value = pg::ReshapeOp::create(builder, loc, value, shape);
          Value &sum = sums[accumulate.getVariableAttr().getAttr()];
          sum = sum ? pg::AddOp::create(builder, loc, sum, value) : value;
        }
      }
    for (auto &[variable, value] : sums) {
      yields.push_back(value);
      modes.push_back("accumulate");
      outlined.accumulated.push_back(FlatSymbolRefAttr::get(variable));
    }
  }

  /// Whether the value is stored as its own kernel rounds it.
  bool isRounded(Value value) const {
    return value.hasOneUse() && isMember(*value.user_begin());
  }

  /// Whether the value is needed in memory. Gathers where it is only added to a
  /// variable.
  bool findUses(Value value, SmallVectorImpl<pg::AccumulateOp> &accumulates) {
    bool isNeeded = false;
    SmallVector<Operation *> users(value.getUsers()); // the last one first
    for (Operation *user : llvm::reverse(users)) {
      if (auto accumulate = dyn_cast<pg::AccumulateOp>(user))
        accumulates.push_back(accumulate);
      else if (auto reshape = dyn_cast<pg::ReshapeOp>(user))
        isNeeded |= findUses(reshape.getResult(), accumulates);
      else
        isNeeded |= !isMember(user);
    }
    return isNeeded;
  }

  const Groups &groups;
  unsigned index;
  const Group &group;
  Location loc;
  OpBuilder builder;
  KernelOp kernel;
  llvm::DenseMap<Value, Value> local; // of the function, to the body's
  llvm::DenseMap<std::pair<Value, int64_t>, Value>
      arguments; // by value and rank
  SmallVector<std::pair<Operation *, Operation *>>
      copies; // of the function, and in the body
  SmallVector<Slot> slots;
  llvm::DenseMap<Operation *, unsigned> slotOf; // of a pg.splat
  SmallVector<Value> yields;
  SmallVector<StringRef> modes;
  OutlinedGroup outlined;
};

} // namespace

OutlinedGroup outlineGroup(const Groups &groups, unsigned index,
                           KernelLibrary &library) {
  return Outliner(groups, index).run(library);
}

} // namespace pgc
