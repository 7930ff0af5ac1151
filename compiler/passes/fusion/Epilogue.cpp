#include "compiler/passes/fusion/Epilogue.h"
#include "compiler/passes/fusion/OpFacts.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace pgc {

namespace {

/// A kernel has only so many registers, and pointers to walk along.
constexpr unsigned maxOps = 24, maxResults = 3;
/// Operations behind a product among which is what it may compute for the next.
constexpr unsigned nearby = 32;

class EpilogueFinder {
public:
  EpilogueFinder(Operation *product,
                 llvm::function_ref<Operation *(Operation *)> getOwner)
      : product(product),
        shape(pg::getTensorType(product->getResult(0)).getShape()),
        getOwner(getOwner) {}

  /// Takes in what depends on the product, as far as it is elementwise.
  void grow() {
    SmallVector<Operation *> work = usersInOrder(product->getResult(0));
    for (unsigned i = 0; i < work.size() && members.size() < maxOps; ++i) {
      Operation *op = work[i];
      // What is computed again belongs beside its user, which may be far.
      if (members.contains(op) || op->hasAttr(recomputeAttr) || !fits(op))
        continue;
      if (take(op))
        llvm::append_range(work, usersInOrder(op->getResult(0)));
    }
    for (Operation *op : SmallVector<Operation *>(members.getArrayRef()))
      for (Value operand : op->getOperands())
        addCompanions(operand);
  }

  /// Takes out again what a kernel over rows would do with what follows, and
  /// what then is incomplete.
  void prune(llvm::function_ref<bool(Operation *, Operation *)> joinsRows) {
    bool changed = true;
    while (changed && !members.empty()) {
      changed = false;
      for (Operation *op : SmallVector<Operation *>(members.getArrayRef())) {
        if (isNarrowing(op, product))
          continue;
        // What is widened again is so by whoever reads it.
        bool widens = isWidening(op);
        bool leaves = llvm::any_of(op->getUsers(), [&](Operation *user) {
          return !members.contains(user) && (widens || joinsRows(op, user));
        });
        leaves |= llvm::any_of(op->getOperands(), [&](Value operand) {
          return wasRemoved(operand.getDefiningOp());
        });
        // What was pulled in leaves with its users.
        leaves |= !dependents.contains(op) &&
                  llvm::none_of(op->getUsers(), [&](Operation *user) {
                    return members.contains(user);
                  });
        if (leaves) {
          members.remove(op);
          removed.insert(op);
          changed = true;
        }
      }
    }
    if (countResults() > maxResults)
      members.clear();
  }

  SmallVector<Operation *> takeInOrder() {
    SmallVector<Operation *> ops(members.getArrayRef());
    llvm::sort(
        ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    return ops;
  }

private:
  static bool isWidening(Operation *op) {
    auto convert = dyn_cast<pg::ConvertOp>(op);
    return convert &&
           pg::getTensorType(convert.getX()).getElementType().isBF16();
  }

  /// Takes in the operation with what it needs, if the kernel can have all
  /// that.
  bool take(Operation *op) {
    llvm::SmallSetVector<Operation *, 8> pulled;
    if (!llvm::all_of(op->getOperands(), [&](Value operand) {
          return isThere(operand, op, pulled, 0);
        }))
      return false;
    members.insert(pulled.begin(), pulled.end());
    members.insert(op);
    dependents.insert(op);
    return true;
  }

  /// Takes in what is computed again from a value that the kernel reads, and
  /// that products alone read: the activation whose weight's gradient comes
  /// next, beside the gradient of what it is a function of.
  void addCompanions(Value source) {
    Operation *producer = source.getDefiningOp();
    if (members.contains(producer) || producer == product ||
        pg::getTensorType(source).getShape() != shape)
      return;
    llvm::SmallSetVector<Value, 16> reached;
    reached.insert(source);
    for (unsigned i = 0; i < reached.size(); ++i)
      for (Operation *user : usersInOrder(reached[i])) {
        if (!user->hasAttr(recomputeAttr) || !fits(user) || !isNear(user) ||
            !reached.insert(user->getResult(0)) || !isReadByProductsAlone(user))
          continue;
        take(user);
      }
  }

  /// Whether the operation comes soon after the product.
  bool isNear(Operation *op) {
    if (near.empty()) {
      Operation *next = product;
      for (unsigned i = 0; i < nearby && (next = next->getNextNode()); ++i)
        near.insert(next);
    }
    return near.contains(op);
  }

  static bool isReadByProductsAlone(Operation *op) {
    return llvm::all_of(op->getUsers(), [](Operation *user) {
      return getRole(user) == Role::Product ||
             (isa<pg::ReshapeOp>(user) && isReadByProductsAlone(user));
    });
  }

  static SmallVector<Operation *> usersInOrder(Value value) {
    SmallVector<Operation *> users;
    for (Operation *user : value.getUsers())
      users.push_back(user);
    llvm::sort(users, [](Operation *a, Operation *b) {
      return a->isBeforeInBlock(b);
    });
    return users;
  }

  bool fits(Operation *op) {
    if (!isElementwise(op) || getOwner(op))
      return false;
    RankedTensorType type = pg::getTensorType(op->getResult(0));
    return type.getShape() == shape && !type.getElementType().isInteger(64);
  }

  /// Whether the operand is in the kernel, or computed before the product; or
  /// can be pulled into the kernel.
  bool isThere(Value operand, Operation *user,
               llvm::SmallSetVector<Operation *, 8> &pulled, unsigned depth) {
    Operation *producer = getProducer(operand);
    if (!producer || getRole(producer) == Role::Source ||
        getRole(producer) == Role::Free)
      return true;
    if (producer == product || members.contains(producer) ||
        pulled.contains(producer))
      return operand.getDefiningOp() == producer; // not through a view
    Operation *owner = getOwner(producer);
    if ((owner ? owner : producer)->isBeforeInBlock(product))
      return true;
    // Something like a factor that is computed behind the product, for it
    // alone.
    if (depth > 6 || operand.getDefiningOp() != producer || !fits(producer))
      return false;
    for (Operation *other : producer->getUsers())
      if (other != user && !members.contains(other) && !pulled.contains(other))
        return false;
    for (Value next : producer->getOperands())
      if (!isThere(next, producer, pulled, depth + 1))
        return false;
    pulled.insert(producer);
    return true;
  }

  bool wasRemoved(Operation *op) const { return op && removed.contains(op); }

  unsigned countResults() {
    unsigned results = 0;
    auto isUsedOutside = [&](Operation *op) {
      return llvm::any_of(op->getUsers(), [&](Operation *user) {
        return !members.contains(user);
      });
    };
    results += isUsedOutside(product);
    for (Operation *op : members)
      results += isUsedOutside(op);
    return results;
  }

  Operation *product;
  ArrayRef<int64_t> shape;
  llvm::function_ref<Operation *(Operation *)> getOwner;
  llvm::SetVector<Operation *> members;
  llvm::SmallPtrSet<Operation *, 8>
      dependents; // members that depend on the product; the others were pulled
                  // in
  llvm::SmallPtrSet<Operation *, 8> removed;
  llvm::SmallPtrSet<Operation *, 32> near;
};

} // namespace

bool isNarrowing(Operation *op, Operation *producer) {
  auto convert = dyn_cast<pg::ConvertOp>(op);
  return convert && convert.getX().getDefiningOp() == producer &&
         pg::getTensorType(convert.getResult()).getElementType().isBF16() &&
         convert.getX().hasOneUse();
}

SmallVector<Operation *>
findEpilogue(Operation *product,
             llvm::function_ref<Operation *(Operation *)> getOwner,
             llvm::function_ref<bool(Operation *, Operation *)> joinsRows) {
  EpilogueFinder finder(product, getOwner);
  finder.grow();
  finder.prune(joinsRows);
  return finder.takeInOrder();
}

} // namespace pgc
