// rematerialize: what the backward pass needs of the forward pass is kept if it
// was costly, else computed again.
//
// Kept are the results of products, attention and lookups, what is small, with
// `keepFactors` what products read as bf16, and among the values that are
// computed row by row those that depend on more than `maxSources` kept values.
// Everything else is computed again beside its first use in the backward pass,
// from what is kept.
// So of a visit of a block stay the residual stream, what products and
// attention gave, and norms.
#include "compiler/passes/fusion/Epilogue.h"
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/fusion/OpFacts.h"
#include "compiler/passes/fusion/RowDomain.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_REMATERIALIZE
#include "compiler/passes/fusion/FusionPasses.h.inc"

namespace {

/// Operations that computing one value again may take.
constexpr int64_t maxOps = 24;
/// Operations on one kept value that are cheaper than keeping their result for
/// a second use.
constexpr int64_t cheapOps = 6;
/// A value that so many operations read lives long anyway.
constexpr int64_t manyUses = 8;

class Rematerializer {
public:
  /// `keepFactors`: what products read as bf16 is kept. `narrows`: activations
  /// are bf16. Then so is what attention reads: it is half as large as what it
  /// is made from.
  Rematerializer(func::FuncOp function, unsigned maxSources, bool keepFactors,
                 bool narrows)
      : block(function.getBody().front()), tokens(getTokenDomain(function)),
        maxSources(maxSources), keepFactors(keepFactors), narrows(narrows) {}

  void run() {
    findForward();
    SmallVector<Operation *> backward = listBackward();
    for (Operation *op : llvm::reverse(backward))
      moveToFirstUser(op);
    for (Operation &op : block)
      if (forward.contains(&op))
        decide(&op);
    backward = listBackward();
    markDerivatives(backward);
    for (Operation *op : backward)
      for (OpOperand &operand : op->getOpOperands())
        if (Value again = computeAgain(operand.get(), op))
          operand.set(again);
    delaySums();
  }

private:
  /// What the results depend on is the forward pass.
  void findForward() {
    SmallVector<Operation *> work{block.getTerminator()};
    while (!work.empty())
      for (Value operand : work.pop_back_val()->getOperands())
        if (Operation *producer = operand.getDefiningOp();
            producer && forward.insert(producer).second)
          work.push_back(producer);
  }

  /// Derivatives that are functions of forward values alone could be computed
  /// long before they are used; they are not.
  void markDerivatives(ArrayRef<Operation *> backward) {
    llvm::DenseSet<Operation *> known;
    for (Operation *op : backward) {
      if (getRole(op) != Role::Row && getRole(op) != Role::View &&
          getRole(op) != Role::Free)
        continue;
      bool isKnown = llvm::all_of(op->getOperands(), [&](Value operand) {
        Operation *producer = operand.getDefiningOp();
        return !producer || forward.contains(producer) ||
               known.contains(producer);
      });
      if (!isKnown)
        continue;
      known.insert(op);
      if (getRole(op) == Role::Row)
        op->setAttr(recomputeAttr, UnitAttr::get(op->getContext()));
    }
  }

  /// What takes but a few operations on one value that is held in bf16 is
  /// computed where it is added to others. A gradient that comes from many
  /// such parts is added up where the last one is there: so no sum in float32
  /// is carried along all the way.
  void delaySums() {
    SmallVector<Operation *> sums;
    for (auto sum : block.getOps<pg::AddOp>())
      if (isLarge(sum.getResult()))
        sums.push_back(sum);
    for (Operation *op : sums) {
      bool fromHeld = true;
      for (OpOperand &operand : op->getOpOperands()) {
        Operation *part = operand.get().getDefiningOp();
        if (part && isa<pg::AddOp>(part) && part->hasAttr(recomputeAttr) &&
            part->hasOneUse())
          continue;
        Value held;
        int64_t ops = 0;
        if (isMadeFromHeld(operand.get(), held, ops) && held)
          operand.set(cloneFromHeld(operand.get(), op));
        else
          fromHeld = false;
      }
      if (fromHeld && op->hasOneUse() && isa<pg::AddOp>(*op->user_begin()))
        op->setAttr(recomputeAttr, UnitAttr::get(op->getContext()));
    }
  }

  /// Whether a few elementwise operations make the value from one large value
  /// that is held in bf16, and from small ones.
  bool isMadeFromHeld(Value value, Value &held, int64_t &ops) {
    Operation *op = value.getDefiningOp();
    if (!isLarge(value))
      return true;
    if (!op || !isElementwise(op) || ++ops > cheapOps)
      return false;
    if (isWidening(op)) {
      bool isSame = !held || held == op->getOperand(0);
      held = op->getOperand(0);
      return isSame;
    }
    return !isa<pg::ConvertOp>(op) &&
           llvm::all_of(op->getOperands(), [&](Value operand) {
             return isMadeFromHeld(operand, held, ops);
           });
  }

  Value cloneFromHeld(Value value, Operation *user) {
    Operation *op = value.getDefiningOp();
    if (!isLarge(value))
      return value;
    SmallVector<Value> operands(op->getOperands());
    if (!isWidening(op))
      for (Value &operand : operands)
        operand = cloneFromHeld(operand, user);
    Operation *copy = OpBuilder(user).clone(*op);
    copy->setOperands(operands);
    copy->setAttr(recomputeAttr, UnitAttr::get(op->getContext()));
    return copy->getResult(0);
  }

  static bool isWidening(Operation *op) {
    auto convert = dyn_cast<pg::ConvertOp>(op);
    return convert &&
           pg::getTensorType(convert.getX()).getElementType().isBF16();
  }

  SmallVector<Operation *> listBackward() {
    SmallVector<Operation *> backward;
    for (Operation &op : block)
      if (!forward.contains(&op) && !op.hasTrait<OpTrait::IsTerminator>())
        backward.push_back(&op);
    return backward;
  }

  /// Brings a view beside what reads it, lest what it shows is computed again
  /// long before.
  static void moveToFirstUser(Operation *view) {
    if (!isa<pg::ReshapeOp>(view) || view->use_empty())
      return;
    Operation *first = *view->user_begin();
    for (Operation *user : view->getUsers())
      if (user->isBeforeInBlock(first))
        first = user;
    view->moveBefore(first);
  }

  /// How an operation's result can be had again.
  struct Origin {
    bool kept = true;
    int64_t ops = 0; // to do again
    llvm::SmallSetVector<Value, 4>
        sources; // large kept values to read for that
  };

  void decide(Operation *op) {
    Origin origin;
    Role role = getRole(op);
    bool isView = isa<pg::ReshapeOp>(op);
    if (role == Role::Free) {
      origin.kept = false;
    } else if ((role == Role::Row || isView) && isLarge(op->getResult(0))) {
      origin.kept = false;
      origin.ops = isView ? 0 : 1;
      for (Value operand : op->getOperands()) {
        Operation *producer = operand.getDefiningOp();
        const Origin *other = producer && forward.contains(producer)
                                  ? &origins[producer]
                                  : nullptr;
        if (!other || other->kept) {
          if (isLarge(operand))
            origin.sources.insert(operand);
          continue;
        }
        origin.ops += other->ops;
        origin.sources.insert(other->sources.begin(), other->sources.end());
      }
      int64_t uses = std::distance(op->use_begin(), op->use_end());
      if (!isView && (origin.sources.size() > maxSources ||
                      origin.ops > maxOps || uses > manyUses ||
                      (keepFactors && isNarrowFactor(op)) || isHeld(op)))
        origin.kept = true;
    }
    if (origin.kept)
      origin.sources.clear();
    origins[op] = std::move(origin);
  }

  /// Whether the operation rounds to bf16 what a product of the forward pass
  /// reads, or is the part of such that it reads: then it lies in memory. The
  /// gradient of the weight reads it too, and nothing can be computed on the
  /// way there: to do it again is one more result of a kernel that reads what
  /// it is made from, or a kernel of its own.
  bool isNarrowFactor(Operation *op) {
    return isa<pg::ConvertOp, pg::SliceOp>(op) &&
           pg::getTensorType(op->getResult(0)).getElementType().isBF16() &&
           isReadByProduct(op);
  }

  /// Whether the operation rounds, or is part of, what is read wide again: an
  /// activation that the numerics hold in bf16. It is half of what it was made
  /// from.
  static bool isHeld(Operation *op) {
    return isa<pg::ConvertOp, pg::SliceOp>(op) &&
           pg::getTensorType(op->getResult(0)).getElementType().isBF16() &&
           llvm::any_of(op->getUsers(), llvm::IsaPred<pg::ConvertOp>);
  }

  bool isReadByProduct(Operation *op) {
    return llvm::any_of(op->getUsers(), [&](Operation *user) {
      return forward.contains(user) &&
             (getRole(user) == Role::Product ||
              (narrows && getRole(user) == Role::Attention) ||
              (isa<pg::ReshapeOp>(user) && isReadByProduct(user)));
    });
  }

  /// Whether a value takes much memory for each token. Nothing else is worth
  /// computing again.
  bool isLarge(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || type.getRank() == 0 || tokens.empty())
      return false;
    int64_t count = 1;
    for (int64_t size : tokens)
      count *= size;
    bool isPerToken =
        hasRows(type.getShape(), tokens) || type.getShape().front() == count;
    return isPerToken && type.getNumElements() > count * smallPerToken;
  }

  /// The value computed again before `user`, or earlier; null if it is kept.
  Value computeAgain(Value value, Operation *user) {
    Operation *op = value.getDefiningOp();
    if (!op || !forward.contains(op) || origins[op].kept ||
        getRole(op) == Role::Free)
      return nullptr;
    // A view of what is kept stays as it is.
    Operation *producer = getProducer(value);
    if (getRole(op) == Role::View &&
        (!producer || !forward.contains(producer) || origins[producer].kept))
      return nullptr;
    // What takes a few elementwise operations on one value is done again by
    // each user: it costs no memory access.
    bool isCheap = origins[op].sources.size() <= 1 &&
                   origins[op].ops <= cheapOps && isElementwiseChain(value);
    if (Value again = copies.lookup(value); again && !isCheap)
      return again;
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      Value other = computeAgain(operand, user);
      operands.push_back(other ? other : operand);
    }
    OpBuilder b(user);
    Operation *copy = b.clone(*op);
    copy->setOperands(operands);
    copy->setAttr(recomputeAttr, b.getUnitAttr());
    return copies[value] = copy->getResult(0);
  }

  /// Whether nothing but elementwise operations, rotations, slices and reshapes
  /// lies between kept values and this one.
  bool isElementwiseChain(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !forward.contains(op) || origins[op].kept)
      return true;
    if (!isElementwise(op) && !isa<pg::ReshapeOp, pg::SliceOp>(op) &&
        !(narrows && isa<pg::RopeOp>(op)) && getRole(op) != Role::Free)
      return false;
    return llvm::all_of(op->getOperands(), [&](Value operand) {
      return isElementwiseChain(operand);
    });
  }

  Block &block;
  Domain tokens;
  unsigned maxSources;
  bool keepFactors;
  bool narrows;
  llvm::DenseSet<Operation *> forward;
  llvm::DenseMap<Operation *, Origin> origins;
  llvm::DenseMap<Value, Value> copies;
};

struct RematerializePass : impl::RematerializeBase<RematerializePass> {
  using Base::Base;
  void runOnOperation() override {
    auto numerics = getOperation()->getAttrOfType<StringAttr>("pg.numerics");
    bool narrows = numerics && numerics.getValue() == "autocast";
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      auto role = function->getAttrOfType<StringAttr>("pg.role");
      if (role && llvm::is_contained({"train", "adapt"}, role.getValue()) &&
          !function.isDeclaration())
        Rematerializer(function, maxSources, keepFactors, narrows).run();
    }
  }
};

} // namespace
} // namespace pgc
