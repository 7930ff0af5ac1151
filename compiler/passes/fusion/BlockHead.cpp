// block-head: the head and its loss are computed in blocks of rows, so that no
// tensor of tokens × vocabulary is needed.
//
// Logits are found by what picks the target's element from them. The *region*
// is every operation on tensors of their rows and width, and whatever lies
// between such operations. If it works row by row, and its results are per row
// or are sums over rows that are added to a variable, it is copied once for
// each block of rows.
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/fusion/OpFacts.h"
#include "compiler/passes/fusion/RowDomain.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_BLOCKHEAD
#include "compiler/passes/fusion/FusionPasses.h.inc"

namespace {

class HeadBlocker {
public:
  HeadBlocker(func::FuncOp function, Value logits, const Domain &rows,
              int64_t blockRows)
      : block(function.getBody().front()), logits(logits), rowShape(rows),
        width(pg::getTensorType(logits).getShape().back()),
        blockRows(blockRows) {
    for (int64_t size : rows)
      rowCount *= size;
  }

  bool run() {
    findRegion();
    if (region.empty() ||
        !llvm::all_of(region, [&](Operation *op) { return isSupported(op); }))
      return false;
    insertionPoint = region.back();
    for (Operation *op : region)
      if (insertionPoint->isBeforeInBlock(op))
        insertionPoint = op;
    insertionPoint = insertionPoint->getNextNode();
    moveUsersBehind();
    for (int64_t first = 0; first < rowCount; first += blockRows)
      emitBlock(first, std::min(blockRows, rowCount - first));
    finish();
    return true;
  }

  /// Values that are gone.
  SmallVector<Value> replaced;

private:
  //===--------------------------------------------------------------------===//
  // The region
  //===--------------------------------------------------------------------===//

  /// How many leading axes of the shape are rows: those of the function's
  /// tokens, or one for all of them; 0 if none are.
  unsigned countRowAxes(ArrayRef<int64_t> shape) const {
    if (hasRows(shape, rowShape))
      return rowShape.size();
    return !shape.empty() && shape.front() == rowCount ? 1 : 0;
  }

  /// A tensor of logits, or of anything of their size.
  bool isWide(Value value) const {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type)
      return false;
    unsigned axes = countRowAxes(type.getShape());
    return axes != 0 && type.getRank() == axes + 1 &&
           type.getShape().back() == width;
  }

  /// The operations that read or give wide tensors, as far as these are
  /// connected to the logits.
  llvm::DenseSet<Operation *> findWideOperations() const {
    llvm::DenseSet<Operation *> found;
    llvm::DenseSet<Value> seen{logits};
    SmallVector<Value> work{logits};
    while (!work.empty()) {
      Value value = work.pop_back_val();
      SmallVector<Operation *> neighbours(value.getUsers());
      if (Operation *producer = value.getDefiningOp())
        neighbours.push_back(producer);
      for (Operation *op : neighbours) {
        if (op->hasTrait<OpTrait::IsTerminator>() || !found.insert(op).second)
          continue;
        SmallVector<Value> values(op->getOperands());
        llvm::append_range(values, op->getResults());
        for (Value next : values)
          if (isWide(next) && seen.insert(next).second)
            work.push_back(next);
      }
    }
    return found;
  }

  /// Operations between wide ones belong to the region too: they depend on one,
  /// and one depends on them.
  void findRegion() {
    llvm::DenseSet<Operation *> after = findWideOperations(), before = after;
    for (Operation &op : block)
      if (llvm::any_of(op.getOperands(), [&](Value v) {
            return after.contains(v.getDefiningOp());
          }))
        after.insert(&op);
    for (Operation &op : llvm::reverse(block))
      if (llvm::any_of(op.getUsers(),
                       [&](Operation *user) { return before.contains(user); }))
        before.insert(&op);
    for (Operation &op : block)
      if (after.contains(&op) && before.contains(&op))
        region.insert(&op);
  }

  /// A sum over rows of products: the gradient of the head's weight.
  static bool isSumOverRows(Operation *op) {
    auto matmul = dyn_cast<pg::MatmulOp>(op);
    return matmul && matmul.getTransposeA() && !matmul.getTransposeB();
  }

  bool isSupported(Operation *op) const {
    if (getRole(op) == Role::Free)
      return true;
    if (op->getNumResults() != 1)
      return false;
    auto shapeOf = [](Value value) {
      return pg::getTensorType(value).getShape();
    };
    if (isSumOverRows(op))
      return countRowAxes(shapeOf(op->getOperand(0))) == 1 &&
             countRowAxes(shapeOf(op->getOperand(1))) == 1 &&
             shapeOf(op->getOperand(0)).size() == 2 &&
             shapeOf(op->getOperand(1)).size() == 2 &&
             llvm::all_of(op->getUsers(), llvm::IsaPred<pg::AccumulateOp>);
    unsigned axes = countRowAxes(shapeOf(op->getResult(0)));
    if (axes == 0)
      return false;
    if (auto reduce = dyn_cast<pg::ReduceOp>(op))
      return llvm::all_of(reduce.getAxes(),
                          [&](int64_t axis) { return axis >= axes; });
    if (auto iota = dyn_cast<pg::IotaOp>(op))
      return iota.getAxis() >= axes;
    if (isa<pg::LinearOp>(op))
      return countRowAxes(shapeOf(op->getOperand(0))) == axes;
    if (auto matmul = dyn_cast<pg::MatmulOp>(op))
      return !matmul.getTransposeA() && shapeOf(matmul.getB()).size() == 2 &&
             shapeOf(matmul.getA()).size() == axes + 1;
    if (isa<pg::ReshapeOp, pg::PickOp>(op))
      return countRowAxes(shapeOf(op->getOperand(0))) != 0;
    if (!isElementwise(op) && !isa<pg::BroadcastOp>(op))
      return false;
    // Operands are lined up at the last axis: rows with rows, or all rows
    // alike.
    return llvm::all_of(op->getOperands(), [&](Value operand) {
      ArrayRef<int64_t> shape = shapeOf(operand),
                        whole = shapeOf(op->getResult(0));
      if (shape.size() == whole.size() && countRowAxes(shape) == axes)
        return true;
      size_t lead = whole.size() - shape.size();
      for (size_t axis = lead; axis < axes; ++axis)
        if (shape[axis - lead] != 1)
          return false;
      return true;
    });
  }

  //===--------------------------------------------------------------------===//
  // Blocks
  //===--------------------------------------------------------------------===//

  /// What reads results of the region comes behind all of it.
  void moveUsersBehind() {
    llvm::SetVector<Operation *> movers;
    for (Operation &op : block) {
      if (&op == insertionPoint)
        break;
      if (region.contains(&op))
        continue;
      if (llvm::any_of(op.getOperands(), [&](Value v) {
            Operation *producer = v.getDefiningOp();
            return producer &&
                   (region.contains(producer) || movers.contains(producer));
          }))
        movers.insert(&op);
    }
    for (Operation *op : movers)
      op->moveBefore(insertionPoint);
    if (!movers.empty())
      insertionPoint = movers.front();
  }

  /// The shape of a block of `rows` rows of a tensor of the region.
  SmallVector<int64_t> getBlockShape(ArrayRef<int64_t> shape,
                                     int64_t rows) const {
    SmallVector<int64_t> result{rows};
    llvm::append_range(result, shape.drop_front(countRowAxes(shape)));
    return result;
  }

  void emitBlock(int64_t first, int64_t rows) {
    OpBuilder b(insertionPoint);
    llvm::DenseMap<Value, Value> local;
    for (Operation *op : region) {
      Location loc = op->getLoc();
      if (getRole(op) == Role::Free && !isa<pg::BroadcastOp>(op))
        continue;
      SmallVector<Value> operands;
      for (Value operand : op->getOperands())
        operands.push_back(getOperand(b, local, op, operand, first, rows));
      Value result = op->getResult(0);
      if (isSumOverRows(op)) {
        local[result] =
            pg::MatmulOp::create(b, loc, operands[0], operands[1], true, false);
        for (Operation *user : op->getUsers())
          pg::AccumulateOp::create(b, loc, local[result],
                                   cast<pg::AccumulateOp>(user).getVariable());
        continue;
      }
      RankedTensorType type = pg::getTensorType(result);
      unsigned axes = countRowAxes(type.getShape());
      auto blockType = RankedTensorType::get(
          getBlockShape(type.getShape(), rows), type.getElementType());
      if (isa<pg::ReshapeOp>(op)) {
        local[result] = operands[0].getType() == blockType
                            ? operands[0]
                            : pg::ReshapeOp::create(b, loc, operands[0],
                                                    blockType.getShape())
                                  .getResult();
        continue;
      }
      if (auto reduce = dyn_cast<pg::ReduceOp>(op)) {
        SmallVector<int64_t> reduced;
        for (int64_t axis : reduce.getAxes())
          reduced.push_back(axis - axes + 1);
        local[result] = pg::ReduceOp::create(b, loc, reduce.getKind(),
                                             operands[0], reduced);
        continue;
      }
      if (auto iota = dyn_cast<pg::IotaOp>(op)) {
        local[result] = pg::IotaOp::create(b, loc, blockType.getShape(),
                                           iota.getAxis() - axes + 1);
        continue;
      }
      Operation *copy = b.clone(*op);
      copy->setOperands(operands);
      copy->getResult(0).setType(blockType);
      local[result] = copy->getResult(0);
    }
    for (Operation *op : region) {
      Value result = op->getResult(0);
      if (!isSumOverRows(op) && isUsedOutside(result))
        parts[result].push_back(local.lookup(result));
    }
  }

  /// An operand in a block: computed there, or the block's rows of it, or the
  /// whole of what all rows read alike.
  Value getOperand(OpBuilder &b, llvm::DenseMap<Value, Value> &local,
                   Operation *op, Value operand, int64_t first, int64_t rows) {
    if (Value found = local.lookup(operand))
      return found;
    ArrayRef<int64_t> shape = pg::getTensorType(operand).getShape();
    if (Operation *producer = operand.getDefiningOp();
        producer && getRole(producer) == Role::Free) {
      if (shape.empty() || countRowAxes(shape) == 0)
        return dropUnitRows(b, op, operand);
      if (auto constant = dyn_cast<pg::ConstantOp>(producer)) {
        auto type =
            RankedTensorType::get(getBlockShape(shape, rows),
                                  pg::getTensorType(operand).getElementType());
        auto splat = cast<DenseElementsAttr>(constant.getValue());
        return local[operand] = pg::ConstantOp::create(b, op->getLoc(), type,
                                                       splat.resizeSplat(type));
      }
    }
    if (readsRows(op, operand)) {
      SmallVector<int64_t> flat = getBlockShape(shape, rowCount),
                           offsets(flat.size(), 0), sizes = flat;
      offsets.front() = first;
      sizes.front() = rows;
      Value whole = flattened.lookup(operand);
      if (!whole) {
        OpBuilder before(&block, block.begin());
        before.setInsertionPointAfterValue(operand);
        whole = flattened[operand] =
            ArrayRef<int64_t>(flat) == shape
                ? operand
                : pg::ReshapeOp::create(before, operand.getLoc(), operand, flat)
                      .getResult();
      }
      return local[operand] =
                 pg::SliceOp::create(b, op->getLoc(), whole, offsets, sizes);
    }
    return dropUnitRows(b, op, operand);
  }

  /// Whether the operand of an operation of the region differs from row to row.
  bool readsRows(Operation *op, Value operand) const {
    ArrayRef<int64_t> shape = pg::getTensorType(operand).getShape();
    if (countRowAxes(shape) == 0)
      return false;
    if (isa<pg::LinearOp, pg::MatmulOp>(op) && !isSumOverRows(op))
      return operand == op->getOperand(0);
    if (isElementwise(op) || isa<pg::BroadcastOp>(op))
      return shape.size() ==
             pg::getTensorType(op->getResult(0)).getShape().size();
    return true;
  }

  /// What is the same for all rows has axes of size 1 in their place: one of
  /// them is enough.
  Value dropUnitRows(OpBuilder &b, Operation *op, Value operand) const {
    RankedTensorType type = pg::getTensorType(operand),
                     whole = pg::getTensorType(op->getResult(0));
    if (!(isElementwise(op) || isa<pg::BroadcastOp>(op)))
      return operand;
    unsigned axes = countRowAxes(whole.getShape());
    int64_t inner = whole.getRank() - axes;
    if (type.getRank() <= inner + 1)
      return operand;
    return pg::ReshapeOp::create(b, op->getLoc(), operand,
                                 type.getShape().take_back(inner + 1));
  }

  bool isUsedOutside(Value value) const {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      return !region.contains(user);
    });
  }

  /// Joins the blocks of results, and removes the region.
  void finish() {
    OpBuilder b(insertionPoint);
    for (auto &[result, values] : parts) {
      Value whole = pg::ConcatOp::create(b, result.getLoc(), values);
      if (whole.getType() != result.getType())
        whole = pg::ReshapeOp::create(b, result.getLoc(), whole,
                                      pg::getTensorType(result).getShape());
      result.replaceUsesWithIf(whole, [&](OpOperand &use) {
        return !region.contains(use.getOwner());
      });
    }
    for (Operation *op : llvm::reverse(region)) {
      replaced.push_back(op->getResult(0));
      if (isSumOverRows(op))
        for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
          user->erase();
      if (op->use_empty())
        op->erase();
    }
  }

  Block &block;
  Value logits;
  Domain rowShape;
  int64_t rowCount = 1, width, blockRows;
  llvm::SetVector<Operation *> region;
  Operation *insertionPoint = nullptr;
  llvm::DenseMap<Value, Value> flattened;
  llvm::MapVector<Value, SmallVector<Value>> parts;
};

struct BlockHeadPass : impl::BlockHeadBase<BlockHeadPass> {
  using Base::Base;
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isDeclaration())
        continue;
      SmallVector<std::pair<Value, Domain>> heads;
      for (const Domain &rows : getTokenDomains(function))
        function.walk([&](pg::PickOp op) {
          if (hasRows(pg::getTensorType(op.getZ()).getShape(), rows))
            heads.push_back({op.getZ(), rows});
        });
      // A head that was done takes those along that it is connected with.
      llvm::DenseSet<Value> gone;
      for (auto [logits, tokens] : heads) {
        if (gone.contains(logits))
          continue;
        int64_t width = pg::getTensorType(logits).getShape().back(),
                count = tokens[0] * tokens[1];
        int64_t blockRows = rows != 0 ? rows : chooseRows(width);
        if (count <= blockRows)
          continue;
        HeadBlocker blocker(function, logits, tokens, blockRows);
        if (blocker.run())
          gone.insert(blocker.replaced.begin(), blocker.replaced.end());
      }
    }
  }

  /// So many rows that a block of logits takes about 8 MiB in float32.
  static int64_t chooseRows(int64_t width) {
    return std::max<int64_t>(64,
                             llvm::alignDown((int64_t(1) << 21) / width, 64));
  }
};

} // namespace
} // namespace pgc
