// join-weight-gradients: one product for the gradient of a weight that several
// visits of a block use.
#include "compiler/passes/Passes.h"
#include "dialects/pg/Pg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_JOINWEIGHTGRADIENTS
#include "compiler/passes/Passes.h.inc"

namespace {

/// Where a product's result, or a part of it, is added: offsets and sizes of
/// the part, the variable. Sorted, so that equal destinations are equal lists.
using Destinations = std::vector<
    std::tuple<std::vector<int64_t>, std::vector<int64_t>, StringRef>>;

class Joiner {
public:
  explicit Joiner(func::FuncOp function) : function(function) {
    // What is read or set between two additions keeps its place among them.
    for (Operation &op : function.getBody().front())
      if (isa<pg::LoadOp, pg::StoreOp>(op))
        fixed.insert(
            op.getAttrOfType<FlatSymbolRefAttr>("variable").getValue());
  }

  void run() {
    llvm::MapVector<std::pair<Type, size_t>, SmallVector<pg::MatmulOp>> groups;
    std::vector<Destinations> known;
    for (auto product : function.getBody().front().getOps<pg::MatmulOp>()) {
      std::optional<Destinations> found = findDestinations(product);
      if (!found)
        continue;
      size_t index = llvm::find(known, *found) - known.begin();
      if (index == known.size())
        known.push_back(std::move(*found));
      groups[{product.getA().getType(), index}].push_back(product);
    }
    for (auto &[key, products] : groups)
      if (products.size() > 1)
        join(products);
  }

private:
  /// Nothing if the product is not AᵀB of two matrices, or if anything but
  /// additions to variables becomes of it.
  std::optional<Destinations> findDestinations(pg::MatmulOp product) const {
    ArrayRef<int64_t> shape = product.getType().getShape();
    if (!product.getTransposeA() || product.getTransposeB() ||
        shape.size() != 2 || pg::getTensorType(product.getA()).getRank() != 2)
      return std::nullopt;
    Destinations found;
    std::vector<int64_t> start(shape.size(), 0);
    if (!addUses(product.getResult(), start, found) || found.empty())
      return std::nullopt;
    llvm::sort(found);
    return found;
  }

  bool addUses(Value value, const std::vector<int64_t> &offsets,
               Destinations &found) const {
    for (Operation *user : value.getUsers()) {
      if (auto slice = dyn_cast<pg::SliceOp>(user)) {
        // A slice of a slice does not come up.
        if (value.getDefiningOp<pg::SliceOp>() ||
            !addUses(slice.getResult(), slice.getOffsets().vec(), found))
          return false;
      } else if (auto add = dyn_cast<pg::AccumulateOp>(user)) {
        if (fixed.contains(add.getVariable()))
          return false;
        found.emplace_back(offsets, pg::getTensorType(value).getShape().vec(),
                           add.getVariable());
      } else {
        return false;
      }
    }
    return true;
  }

  /// The product of all, where the last of them stands: that one's additions
  /// take it, the others' go.
  void join(ArrayRef<pg::MatmulOp> products) {
    SmallVector<Value> as, bs;
    SmallVector<Location> locations;
    for (pg::MatmulOp product : products) {
      as.push_back(product.getA());
      bs.push_back(product.getB());
      locations.push_back(product.getLoc());
    }
    pg::MatmulOp last = products.back();
    ImplicitLocOpBuilder b(FusedLoc::get(function.getContext(), locations),
                           last);
    Value a = pg::ConcatOp::create(b, as);
    Value whole = pg::MatmulOp::create(b, a, pg::ConcatOp::create(b, bs), true);
    last.getResult().replaceAllUsesWith(whole);
    last.erase();
    for (pg::MatmulOp product : products.drop_back())
      eraseWithUsers(product);
  }

  static void eraseWithUsers(Operation *op) {
    for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
      eraseWithUsers(user);
    op->erase();
  }

  func::FuncOp function;
  llvm::DenseSet<StringRef> fixed; // variables that are read or set
};

struct JoinWeightGradientsPass
    : impl::JoinWeightGradientsBase<JoinWeightGradientsPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isDeclaration() && getRole(function) == "train")
        Joiner(function).run();
  }
};

} // namespace
} // namespace pgc
