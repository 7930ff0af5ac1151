// What the expressions of roots depend on, and the decisions that they call
// for.
#include "compiler/kernels/KernelBuilder.h"
#include "compiler/kernels/RowsAnalysis.h"

using namespace mlir;

namespace pgc {

using Outcome = RowsAnalysis::Outcome;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

Outcome RowsAnalysis::visitRoot(const Root &root) {
  if (root.kind == Root::Kind::Keep) // what it is made of, not itself
    return visitOp(root.value.getDefiningOp(), root.coordinates);
  return visit(root.value, root.coordinates);
}

Outcome RowsAnalysis::visit(Value value, const Coordinates &coordinates) {
  auto resident = plan.residents.find(value);
  if (resident == plan.residents.end() &&
      (value.getDefiningOp<pg::ReduceOp>() || decisions.kept.contains(value))) {
    if (Outcome outcome = makeResident(value, coordinates);
        outcome != Outcome::Done)
      return outcome;
    resident = plan.residents.find(value);
  }
  if (resident == plan.residents.end() && sharing && share(value, coordinates))
    resident = plan.residents.find(value);
  if (resident != plan.residents.end())
    return visitResident(value, resident->second,
                         linearize(coordinates, shapeOf(value)));
  return visitOp(value.getDefiningOp(), coordinates);
}

/// Visits the element at a position, as reshapes need it.
Outcome RowsAnalysis::visitFlat(Value value, const Index &flat) {
  auto resident = plan.residents.find(value);
  if (resident != plan.residents.end())
    return visitResident(value, resident->second, flat);
  if (auto reshape = value.getDefiningOp<pg::ReshapeOp>();
      reshape && !decisions.kept.contains(value))
    return visitFlat(reshape.getX(), flat);
  std::optional<Space::Cut> needed;
  if (auto coordinates = space.delinearize(flat, shapeOf(value), &needed))
    return visit(value, *coordinates);
  if (needed)
    return cut(*needed);
  return keep(value);
}

Outcome RowsAnalysis::visitResident(Value value, const Resident &resident,
                                    const Index &flat) {
  if (resident.kind == Resident::Kind::Buffer ||
      resident.kind == Resident::Kind::Global)
    return Outcome::Done;
  draft->nest.level = std::max(draft->nest.level, resident.level + 1);
  SmallVector<int64_t> shape(shapeOf(value).take_front(resident.prefix));
  shape.push_back(
      ShapedType::getNumElements(shapeOf(value).drop_front(resident.prefix)));
  auto place = space.delinearize(flat, shape);
  if (!place || ArrayRef(*place).drop_back() != ArrayRef(resident.rows))
    return fail(
        value.getLoc(),
        "a value of one row is used in another, which a rows kernel cannot do");
  return Outcome::Done;
}

Outcome RowsAnalysis::visitOp(Operation *op, const Coordinates &coordinates) {
  if (isa<pg::SplatOp, pg::IotaOp>(op))
    return Outcome::Done;
  if (auto constant = dyn_cast<pg::ConstantOp>(op)) {
    if (!isa<DenseElementsAttr>(constant.getValue()))
      return fail(op->getLoc(), "a constant of this form has no code");
    return Outcome::Done;
  }
  if (KernelBuilder::isElementwise(op) || isa<pg::BroadcastOp>(op)) {
    for (Value operand : op->getOperands())
      if (Outcome outcome =
              visit(operand, broadcastCoordinates(operand, coordinates));
          outcome != Outcome::Done)
        return outcome;
    return Outcome::Done;
  }
  if (auto reshape = dyn_cast<pg::ReshapeOp>(op))
    return visitFlat(reshape.getX(),
                     linearize(coordinates, shapeOf(reshape.getResult())));
  if (auto read = getMove(op, coordinates))
    return visitBounded(op, *read);
  if (auto rope = dyn_cast<pg::RopeOp>(op))
    return visitRope(rope, coordinates);
  if (isa<pg::PickOp, pg::EmbedOp>(op))
    return visitLookup(op, coordinates);
  return fail(op->getLoc(), "'" + op->getName().getStringRef() +
                                "' cannot be part of a rows kernel");
}

Outcome RowsAnalysis::visitBounded(Operation *op, Read read) {
  for (auto [i, bound] : llvm::enumerate(read.bounds)) {
    auto [index, size] = bound;
    switch (classify(space, index, size)) {
    case Bound::Inside:
      break;
    case Bound::Outside:
      return Outcome::Done;
    case Bound::Split:
      return split(index, {0, size}, op);
    case Bound::Unknown:
      return keep(op->getResult(0));
    case Bound::Dynamic: {
      Index clamped = Index::variable(space.getDynamic(
          {reinterpret_cast<intptr_t>(op), static_cast<int64_t>(i)}, size));
      for (Index &coordinate : read.coordinates)
        if (coordinate == index)
          coordinate = clamped;
    }
    }
  }
  return visit(read.value, read.coordinates);
}

Outcome RowsAnalysis::visitRope(pg::RopeOp op, const Coordinates &coordinates) {
  int64_t n = shapeOf(op.getCos())[1];
  auto [least, largest] = space.range(coordinates[3]);
  int64_t part = std::min<int64_t>(least / n, 2);
  if (part == 2)
    return visit(op.getX(), coordinates);
  if (largest >= (part + 1) * n)
    return split(coordinates[3], {n, 2 * n}, op);
  RopeReads reads = getRopeReads(op, coordinates, part);
  for (auto [value, place] : {std::pair(op.getX(), coordinates),
                              {op.getX(), reads.partner},
                              {op.getCos(), reads.angle},
                              {op.getSin(), reads.angle}})
    if (Outcome outcome = visit(value, place); outcome != Outcome::Done)
      return outcome;
  return Outcome::Done;
}

/// pg.pick and pg.embed: an id is read, and then an element at a place that it
/// names.
Outcome RowsAnalysis::visitLookup(Operation *op,
                                  const Coordinates &coordinates) {
  Value table = op->getOperand(0), ids = op->getOperand(1);
  Coordinates place(ArrayRef(coordinates).drop_back());
  if (Outcome outcome = visit(ids, place); outcome != Outcome::Done)
    return outcome;
  bool isPick = isa<pg::PickOp>(op);
  int64_t size = isPick ? shapeOf(table).back() : shapeOf(table).front();
  Index id =
      Index::variable(space.getDynamic({reinterpret_cast<intptr_t>(op)}, size));
  if (isPick)
    place.push_back(id);
  else
    place = {id, coordinates.back()};
  return visit(table, place);
}

//===----------------------------------------------------------------------===//
// Decisions
//===----------------------------------------------------------------------===//

/// Splits the loop of an index where the index passes the points; if it has no
/// loop of its own, keeps the op's result, which then gets one.
Outcome RowsAnalysis::split(const Index &index, ArrayRef<int64_t> points,
                            Operation *op) {
  std::optional<SplitPlace> at = space.getSplitPlace(index);
  if (!at || sharing)
    return keep(op->getResult(0));
  auto place = llvm::find(draft->nest.variables, at->variable);
  auto isBetween = [&](int64_t point) {
    return (point - index.offset) % at->distance != 0;
  };
  if (place == draft->nest.variables.end() || llvm::any_of(points, isBetween))
    return keep(op->getResult(0));
  std::set<int64_t> &splits =
      decisions.splits[draft->key][place - draft->nest.variables.begin()];
  size_t before = splits.size();
  for (int64_t point : points) {
    int64_t value = (point - index.offset) / at->distance;
    if (value > 0 && value < space[*place].size)
      splits.insert(value);
  }
  if (splits.size() == before)
    return fail(op->getLoc(), "no loop could be found for this operation");
  return Outcome::Again;
}

/// Cuts a loop, or the rows, in two.
Outcome RowsAnalysis::cut(Space::Cut cut) {
  bool isRow = space[cut.variable].kind == Variable::Kind::Row;
  auto &variables = isRow ? plan.rowVariables : draft->nest.variables;
  auto place = llvm::find(variables, cut.variable);
  if (place == variables.end() || sharing)
    return fail(plan.kernel.getLoc(),
                "no loops could be found for this kernel");
  auto [axis, factor] =
      (isRow ? rowAxes : draft->axes)[place - variables.begin()];
  auto &factors =
      (isRow ? decisions.rowFactors : decisions.factors[draft->key])[axis];
  factors[factor] /= cut.size;
  factors.insert(factors.begin() + factor + 1, cut.size);
  if (!isRow)
    decisions.splits[draft->key].clear();
  return Outcome::Again;
}

/// Has a value put into scratch by loops of its own.
Outcome RowsAnalysis::keep(Value value) {
  if (sharing || !decisions.kept.insert(value))
    return fail(value.getLoc(), "no loops could be found for this operation");
  return Outcome::Again;
}

} // namespace pgc
