// Loops over rows and elements, and reductions over them, for CPUs and GPUs
// alike.
#include "compiler/kernels/RowsValues.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace pgc {

static Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}
static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// A loop, and all that is known about what is being emitted within it.
RowsValues::Accumulators
RowsValues::loop(Value low, Value high, int64_t step, ValueRange inits,
                 llvm::function_ref<Accumulators(Value, ValueRange)> body) {
  Operation *outside = k.b.getInsertionBlock()->getParentOp();
  size_t level = levels.size() - 1;
  Accumulators results =
      k.loop(low, high, step, inits, [&](Value i, ValueRange carried) {
        Operation *inside = k.b.getInsertionBlock()->getParentOp();
        levels[level].nested = inside == outside ? nullptr : inside;
        levels.emplace_back();
        Accumulators yielded = body(i, carried);
        levels.pop_back();
        return yielded;
      });
  levels[level].nested = nullptr;
  return results;
}

void RowsValues::bind(unsigned variable, Value value) {
  variables[variable] = {value, static_cast<unsigned>(levels.size() - 1)};
}

void RowsValues::guard(Value condition, function_ref<void()> body) {
  size_t level = levels.size() - 1;
  auto op = scf::IfOp::create(k.b, k.loc, condition, /*withElseRegion=*/false);
  levels[level].nested = op;
  levels.emplace_back();
  {
    OpBuilder::InsertionGuard inside(k.b);
    k.b.setInsertionPointToStart(op.thenBlock());
    body();
  }
  levels.pop_back();
  levels[level].nested = nullptr;
}

void RowsValues::bindRow(Value row) {
  int64_t distance = 1;
  for (unsigned v : llvm::reverse(plan.rowVariables)) {
    Value value = k.div(row, distance);
    distance *= space[v].size;
    if (distance != plan.rowCount)
      value = k.rem(value, space[v].size);
    bind(v, value);
  }
  rowScalars.clear();
}

void RowsValues::startNest(const Nest &started) {
  nest = &started;
  keptHere.clear();
  for (const Root &root : nest->roots)
    if (root.kind == Root::Kind::Keep)
      keptHere.insert(root.value);
}

SmallVector<Value>
RowsValues::evaluateRoots(function_ref<Coordinates(ArrayRef<Index>)> move) {
  SmallVector<Value> values;
  for (const Root &root : nest->roots) {
    Coordinates coordinates = move(root.coordinates);
    Value value = root.value;
    // Rounding to bf16 is left to the store.
    auto convert = value.getDefiningOp<pg::ConvertOp>();
    if (convert && elementOf(value).isBF16() &&
        elementOf(convert.getX()).isF32() && !findResident(value))
      value = convert.getX();
    Reg reg = evaluate(value, coordinates);
    values.push_back(vectorVariable ? toVector(reg.value) : reg.value);
  }
  return values;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

Value RowsValues::neutral(pg::ReduceOp reduce, bool wide) {
  Type element = elementOf(reduce.getX()),
       type = k.getRegisterType(element, wide ? lanes : 1);
  if (reduce.getKind() == pg::ReduceKind::sum)
    return k.constant(type, 0);
  return isa<FloatType>(element)
             ? k.constant(type, -std::numeric_limits<double>::infinity())
             : k.integer(type, std::numeric_limits<int64_t>::min());
}

Value RowsValues::combine(pg::ReduceOp reduce, Value x, Value y) {
  bool isFloat = isa<FloatType>(elementOf(reduce.getX()));
  if (reduce.getKind() == pg::ReduceKind::sum)
    return isFloat ? k.addf(x, y)
                   : arith::AddIOp::create(k.b, k.loc, x, y).getResult();
  return isFloat ? k.maxf(x, y)
                 : arith::MaxSIOp::create(k.b, k.loc, x, y).getResult();
}

RowsValues::Accumulators RowsValues::neutrals() {
  Accumulators result;
  for (const Root &root : nest->roots)
    if (root.kind == Root::Kind::Reduce)
      result.push_back(neutral(root.reduce, vectorVariable.has_value()));
  return result;
}

Value RowsValues::getReductionSlot(const Root &root) {
  pg::ReduceOp reduce = root.reduce;
  Value result = reduce.getResult();
  Coordinates coordinates = root.coordinates;
  for (int64_t axis : reduce.getAxes())
    coordinates[axis] = Index();
  Index place = linearize(ArrayRef(coordinates).drop_front(root.prefix),
                          shapeOf(result).drop_front(root.prefix));
  return getAddress(getSlot(plan.residents[result].offset), elementOf(result),
                    place)
      .value;
}

} // namespace pgc
