// prune-by-demand: what returned slices do not demand is not computed.
//
// A function that returns `pg.slice` of the last positions of something needs,
// of most of what leads there, the last positions alone. From the return
// backwards each value's demand is found: all of it, or the last n elements
// along one axis. Then each operation of which less is demanded is replaced by
// one that computes just that. Where an operation moves elements along the axis
// (a shift, a cumulative sum, attention to earlier positions), it demands as
// much more of its operands as it reads; an operation about which nothing is
// known is computed whole.
#include "compiler/passes/Passes.h"
#include "compiler/passes/fusion/OpFacts.h"
#include <set>

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_PRUNEBYDEMAND
#include "compiler/passes/Passes.h.inc"

namespace {

ArrayRef<int64_t> shapeOf(Value value) {
  return pg::getTensorType(value).getShape();
}

/// How much of a tensor is demanded: nothing, the last `count` elements along
/// `axis`, or everything.
struct Demand {
  enum class Kind { None, Last, All } kind = Kind::None;
  int64_t axis = 0, count = 0;

  static Demand all() { return {Kind::All, 0, 0}; }
  /// Of a tensor of this shape.
  static Demand last(ArrayRef<int64_t> shape, int64_t axis, int64_t count) {
    return count >= shape[axis] ? all() : Demand{Kind::Last, axis, count};
  }

  Demand join(const Demand &other) const {
    if (kind == Kind::None || other.kind == Kind::All)
      return other;
    if (other.kind == Kind::None || kind == Kind::All)
      return *this;
    return axis == other.axis
               ? Demand{Kind::Last, axis, std::max(count, other.count)}
               : all();
  }
};

/// The axis of `to` that holds the same elements as `axis` of `from`, when a
/// tensor gets another shape; nothing if there is none.
std::optional<int64_t> followAxis(ArrayRef<int64_t> from, int64_t axis,
                                  ArrayRef<int64_t> to) {
  int64_t before = 1, seen = 1;
  for (int64_t size : from.take_front(axis))
    before *= size;
  for (auto [i, size] : llvm::enumerate(to)) {
    if (seen == before && size == from[axis])
      return i;
    if (seen > before)
      return std::nullopt;
    seen *= size;
  }
  return std::nullopt;
}

/// What an operation demands of its operands when the last `count` elements
/// along `axis` of its results are demanded, and how those are computed.
class Slicer {
public:
  Slicer(Operation *op, int64_t axis, int64_t count)
      : op(op), axis(axis), count(count), shape(shapeOf(op->getResult(0))),
        size(shape[axis]) {}

  /// Fills in the demand on each operand; false if only the whole operation can
  /// be computed.
  bool demand(SmallVectorImpl<Demand> &operands);
  /// Computes the demanded part of each result from the demanded parts of the
  /// operands.
  Operation *build(OpBuilder &b, ValueRange operands) const;

private:
  /// The demand on an operand whose axes are lined up with the result's at the
  /// last one, and which is spread along those of size 1.
  Demand linedUp(Value operand) const {
    ArrayRef<int64_t> own = shapeOf(operand);
    int64_t at = axis - static_cast<int64_t>(shape.size() - own.size());
    return at < 0 || own[at] != size ? Demand::all()
                                     : Demand::last(own, at, count);
  }
  Demand last(Value operand, int64_t at, int64_t n) const {
    return Demand::last(shapeOf(operand), at, n);
  }

  bool demandProduct(SmallVectorImpl<Demand> &operands);
  bool demandMove(SmallVectorImpl<Demand> &operands);

  Operation *op;
  int64_t axis, count;
  ArrayRef<int64_t> shape;
  int64_t size;
};

bool Slicer::demandProduct(SmallVectorImpl<Demand> &operands) {
  int64_t rank = shape.size();
  if (isa<pg::LinearOp>(op)) {
    if (axis == rank - 1)
      return false;
    operands[0] = last(op->getOperand(0), axis, count);
    return true;
  }
  auto matmul = cast<pg::MatmulOp>(op);
  int64_t a = shapeOf(matmul.getA()).size(), b = shapeOf(matmul.getB()).size();
  if (axis == rank - 1) {
    operands[1] =
        last(matmul.getB(), matmul.getTransposeB() ? b - 2 : b - 1, count);
  } else if (axis == rank - 2) {
    operands[0] =
        last(matmul.getA(), matmul.getTransposeA() ? a - 1 : a - 2, count);
  } else {
    operands[0] = linedUp(matmul.getA());
    operands[1] = linedUp(matmul.getB());
  }
  return true;
}

/// Operations that put elements elsewhere.
bool Slicer::demandMove(SmallVectorImpl<Demand> &operands) {
  Value x = op->getOperand(0);
  if (auto slice = dyn_cast<pg::SliceOp>(op)) {
    int64_t end = slice.getOffsets()[axis] + size;
    operands[0] = last(x, axis, shapeOf(x)[axis] - (end - count));
    return true;
  }
  if (auto pad = dyn_cast<pg::PadOp>(op)) {
    int64_t n = count - pad.getHigh()[axis];
    if (n < 1 || n > shapeOf(x)[axis])
      return false;
    operands[0] = last(x, axis, n);
    return true;
  }
  if (auto shift = dyn_cast<pg::ShiftOp>(op)) {
    int64_t amount = shift.getAxis() == axis ? shift.getAmount() : 0;
    // y[t] = x[t - amount]: from the end on zeros come in, which the last
    // elements alone see too; at the beginning they must not be within reach.
    if (amount > 0 && count + amount > size)
      return false;
    operands[0] = last(x, axis, count + std::max<int64_t>(amount, 0));
    return true;
  }
  if (auto transpose = dyn_cast<pg::TransposeOp>(op)) {
    operands[0] = last(x, transpose.getPermutation()[axis], count);
    return true;
  }
  auto reshape = cast<pg::ReshapeOp>(op);
  std::optional<int64_t> from =
      followAxis(shape, axis, shapeOf(reshape.getX()));
  if (!from)
    return false;
  operands[0] = last(x, *from, count);
  return true;
}

bool Slicer::demand(SmallVectorImpl<Demand> &operands) {
  operands.assign(op->getNumOperands(), Demand::all());
  if (isElementwise(op) || isa<pg::F32Op, pg::BroadcastOp>(op)) {
    for (auto [demand, operand] : llvm::zip(operands, op->getOperands()))
      demand = linedUp(operand);
    return true;
  }
  if (isa<pg::LinearOp, pg::MatmulOp>(op))
    return demandProduct(operands);
  if (isa<pg::SliceOp, pg::PadOp, pg::ShiftOp, pg::TransposeOp, pg::ReshapeOp>(
          op))
    return demandMove(operands);
  if (auto reduce = dyn_cast<pg::ReduceOp>(op)) {
    operands[0] = last(reduce.getX(), axis, count);
    return !llvm::is_contained(reduce.getAxes(), axis);
  }
  if (auto sum = dyn_cast<pg::CumsumOp>(op)) {
    operands[0] = last(sum.getX(), axis, count);
    return sum.getAxis() != axis || sum.getReverse();
  }
  if (isa<pg::IotaOp>(op))
    return true;
  if (isa<pg::EmbedOp>(op)) {
    operands[1] = last(op->getOperand(1), axis, count);
    return axis + 1 < static_cast<int64_t>(shape.size());
  }
  if (isa<pg::PickOp>(op)) {
    operands[0] = last(op->getOperand(0), axis, count);
    operands[1] = last(op->getOperand(1), axis, count);
    return axis + 1 < static_cast<int64_t>(shape.size());
  }
  if (auto rope = dyn_cast<pg::RopeOp>(op)) {
    operands[0] = last(rope.getX(), axis, count);
    if (axis == 1)
      operands[1] = operands[2] = last(rope.getCos(), 0, count);
    return axis <= 2;
  }
  if (auto attention = dyn_cast<pg::AttentionOp>(op)) {
    // Queries of the last positions see keys of all.
    operands[0] = last(attention.getQ(), 1, count);
    return axis == 1;
  }
  return false;
}

Operation *Slicer::build(OpBuilder &b, ValueRange operands) const {
  Location loc = op->getLoc();
  auto resized = [&](Value result) {
    pg::Shape sizes(shapeOf(result));
    sizes[axis] = count;
    return pg::getTensorType(result).clone(sizes);
  };
  pg::Shape offsets(shape.size(), 0), sizes(shape);
  sizes[axis] = count;
  if (auto shift = dyn_cast<pg::ShiftOp>(op);
      shift && shift.getAxis() == axis && shift.getAmount() > 0)
    return pg::SliceOp::create(b, loc, operands[0], offsets, sizes);
  if (auto iota = dyn_cast<pg::IotaOp>(op)) {
    auto part = pg::IotaOp::create(b, loc, sizes, iota.getAxis());
    if (iota.getAxis() != axis)
      return part;
    Value first = pg::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(RankedTensorType::get({}, b.getI64Type()),
                               b.getI64IntegerAttr(size - count)));
    return pg::AddOp::create(b, loc, part, first);
  }
  if (auto slice = dyn_cast<pg::SliceOp>(op)) {
    llvm::copy(slice.getOffsets(), offsets.begin());
    // The operand ends as before; of what it has now, the part begins so far
    // behind its beginning.
    int64_t behind =
        shapeOf(slice.getX())[axis] - (slice.getOffsets()[axis] + size);
    offsets[axis] = shapeOf(operands[0])[axis] - behind - count;
    return pg::SliceOp::create(b, loc, operands[0], offsets, sizes);
  }
  if (auto pad = dyn_cast<pg::PadOp>(op)) {
    pg::Shape low(pad.getLow());
    low[axis] = 0;
    return pg::PadOp::create(b, loc, operands[0], low, pad.getHigh());
  }
  Operation *part = b.clone(*op);
  part->setOperands(operands);
  for (Value result : part->getResults())
    result.setType(resized(result));
  return part;
}

/// Prunes one function.
class Pruner {
public:
  explicit Pruner(func::FuncOp function) : function(function) {}

  void run() {
    findDemands();
    for (Operation &op :
         llvm::make_early_inc_range(function.front().without_terminator()))
      shrink(&op);
    eraseDeadOperations(function);
    SmallVector<int64_t> list(lengths.begin(), lengths.end());
    function->setAttr("pg.lengths",
                      DenseI64ArrayAttr::get(function.getContext(), list));
  }

private:
  /// A slice that is returned demands of what it cuts what it takes.
  std::optional<Demand> rootDemand(Operation *op) {
    auto slice = dyn_cast<pg::SliceOp>(op);
    if (!slice || !llvm::all_of(op->getUsers(), llvm::IsaPred<func::ReturnOp>))
      return std::nullopt;
    ArrayRef<int64_t> whole = shapeOf(slice.getX());
    for (auto [axis, offset] : llvm::enumerate(slice.getOffsets()))
      if (offset > 0)
        return Demand::last(whole, axis, whole[axis] - offset);
    return std::nullopt;
  }

  void findDemands() {
    for (Operation &op : llvm::reverse(function.front())) {
      Demand demand;
      for (Value result : op.getResults())
        demand = demand.join(demands.lookup(result));
      SmallVector<Demand> operands(op.getNumOperands(), Demand::all());
      if (op.getNumResults() == 0 || !isMemoryEffectFree(&op) ||
          op.getNumRegions() != 0) {
        demand = Demand::all();
      } else if (demand.kind == Demand::Kind::None) {
        continue; // nobody needs it
      } else if (demand.kind == Demand::Kind::Last &&
                 !Slicer(&op, demand.axis, demand.count).demand(operands)) {
        demand = Demand::all();
        operands.assign(op.getNumOperands(), Demand::all());
      } else if (auto root = rootDemand(&op)) {
        operands[0] = *root;
      }
      for (Value result : op.getResults())
        demands[result] = demand;
      for (auto [operand, wanted] : llvm::zip(op.getOperands(), operands))
        demands[operand] = demands.lookup(operand).join(wanted);
    }
  }

  /// The last `count` elements of a value, as far as it is computed at all.
  Value get(OpBuilder &b, Value value, const Demand &wanted) {
    if (wanted.kind != Demand::Kind::Last)
      return value;
    Value from = parts.lookup(value);
    if (!from)
      from = value; // computed whole, or an argument of the function
    if (shapeOf(from)[wanted.axis] == wanted.count)
      return from;
    Value &part = slices[{value, wanted.axis, wanted.count}];
    if (!part) {
      pg::Shape offsets(shapeOf(from).size(), 0), sizes(shapeOf(from));
      offsets[wanted.axis] = sizes[wanted.axis] - wanted.count;
      sizes[wanted.axis] = wanted.count;
      part = pg::SliceOp::create(b, value.getLoc(), from, offsets, sizes);
    }
    return part;
  }

  /// Puts the demanded part of an operation's results beside them, where it is
  /// not all of them.
  void shrink(Operation *op) {
    OpBuilder b(op);
    if (auto root = rootDemand(op)) {
      auto slice = cast<pg::SliceOp>(op);
      if (demands.lookup(slice.getX()).kind == Demand::Kind::Last) {
        Value x = get(b, slice.getX(), *root);
        pg::Shape offsets(slice.getOffsets());
        offsets[root->axis] = 0;
        if (x.getType() != slice.getType())
          x = pg::SliceOp::create(b, op->getLoc(), x, offsets,
                                  slice.getSizes());
        op->getResult(0).replaceAllUsesWith(x);
      }
      return;
    }
    if (op->getNumResults() == 0)
      return;
    Demand demand = demands.lookup(op->getResult(0));
    if (demand.kind != Demand::Kind::Last)
      return;
    Slicer slicer(op, demand.axis, demand.count);
    SmallVector<Demand> wanted;
    bool possible = slicer.demand(wanted);
    assert(possible && "demand was found to be possible before");
    (void)possible;
    SmallVector<Value> operands;
    for (auto [operand, part] : llvm::zip(op->getOperands(), wanted))
      operands.push_back(get(b, operand, part));
    Operation *part = slicer.build(b, operands);
    for (auto [whole, last] : llvm::zip(op->getResults(), part->getResults()))
      parts[whole] = last;
    lengths.insert(demand.count);
  }

  func::FuncOp function;
  llvm::DenseMap<Value, Demand> demands;
  llvm::DenseMap<Value, Value> parts; // of values not demanded whole
  llvm::DenseMap<std::tuple<Value, int64_t, int64_t>, Value> slices;
  std::set<int64_t> lengths;
};

struct PruneByDemandPass : impl::PruneByDemandBase<PruneByDemandPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isDeclaration() || !function->hasAttr("pg.scored"))
        continue;
      bool changed = true;
      while (changed) {
        changed = false;
        function.walk<WalkOrder::PostOrder>([&](pg::DecomposableOp op) {
          decompose(op);
          changed = true;
        });
      }
      eraseDeadOperations(function);
      Pruner(function).run();
    }
  }
};

} // namespace
} // namespace pgc
