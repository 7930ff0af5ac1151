// stack-newton-schulz: one pg.newton_schulz for all matrices of a shape.
#include "compiler/passes/Passes.h"
#include "dialects/pg/Building.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_STACKNEWTONSCHULZ
#include "compiler/passes/Passes.h.inc"

namespace {

using Group = SmallVector<pg::NewtonSchulzOp>;

/// The variable that an operation reads or writes, or null.
Attribute variableOf(Operation *op) {
  return isa<pg::LoadOp, pg::StoreOp, pg::AccumulateOp>(op)
             ? op->getAttr("variable")
             : Attribute();
}

/// The operations of the block, up to `last`, that need a result of the group,
/// in their order; nothing if one of the group's matrices is among what needs
/// another, or if moving them behind `last` would change what they read or
/// write.
std::optional<llvm::SetVector<Operation *>> findUsers(const Group &group,
                                                      Operation *last) {
  llvm::SetVector<Operation *> users;
  llvm::DenseSet<Operation *> members(group.begin(), group.end());
  for (Operation *op = group.front();; op = op->getNextNode()) {
    bool needs = llvm::any_of(op->getOperands(), [&](Value operand) {
      Operation *producer = operand.getDefiningOp();
      return producer &&
             (members.contains(producer) || users.contains(producer));
    });
    if (needs && op == last)
      return std::nullopt;
    if (needs)
      users.insert(op);
    if (op == last)
      break;
  }
  for (Operation *member : members)
    if (Operation *producer = member->getOperand(0).getDefiningOp();
        producer && (members.contains(producer) || users.contains(producer)))
      return std::nullopt;
  for (Operation *user : users) {
    Attribute variable = variableOf(user);
    if (!variable && !isMemoryEffectFree(user))
      return std::nullopt;
    for (Operation *op = user; variable && op != last;) {
      op = op->getNextNode();
      if (!users.contains(op) && variableOf(op) == variable)
        return std::nullopt;
    }
  }
  return users;
}

/// The last operation of the block that makes a matrix of the group.
Operation *findLast(const Group &group) {
  Operation *last = group.front();
  for (pg::NewtonSchulzOp op : group)
    if (Operation *producer = op.getU().getDefiningOp();
        producer && last->isBeforeInBlock(producer))
      last = producer;
  return last;
}

void stack(Group &group) {
  Operation *last = findLast(group);
  auto users = findUsers(group, last);
  if (!users)
    return;
  ImplicitLocOpBuilder b(group.front().getLoc(), group.front().getContext());
  b.setInsertionPointAfter(last);
  ArrayRef<int64_t> shape = group.front().getType().getShape();
  SmallVector<int64_t> one{1};
  llvm::append_range(one, shape);
  SmallVector<Value> parts;
  for (pg::NewtonSchulzOp op : group)
    parts.push_back(pg::buildReshape(b, op.getU(), one));
  Value whole = pg::ConcatOp::create(b, parts);
  auto stacked = pg::NewtonSchulzOp::create(
      b, group.front().getFormAttr(), whole, group.front().getCoeffsAttr(),
      group.front().getAolAttr());
  Operation *end = stacked;
  SmallVector<int64_t> offsets(one.size(), 0);
  for (auto [i, op] : llvm::enumerate(group)) {
    offsets.front() = i;
    Value slice =
        pg::SliceOp::create(b, op.getLoc(), stacked.getResult(), offsets, one);
    Value matrix = pg::buildReshape(b, slice, shape);
    op.getResult().replaceAllUsesWith(matrix);
    end = matrix.getDefiningOp();
  }
  for (Operation *user : *users) {
    user->moveAfter(end);
    end = user;
  }
  for (pg::NewtonSchulzOp op : group)
    op.erase();
}

struct StackNewtonSchulzPass
    : impl::StackNewtonSchulzBase<StackNewtonSchulzPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isDeclaration())
        continue;
      // Alike in shape, type and everything but the matrix.
      llvm::MapVector<std::pair<Type, Attribute>, Group> groups;
      for (auto op : function.getBody().front().getOps<pg::NewtonSchulzOp>())
        groups[{op.getType(), op->getAttrDictionary()}].push_back(op);
      for (auto &[alike, group] : groups)
        if (group.size() > 1)
          stack(group);
    }
  }
};

} // namespace
} // namespace pgc
