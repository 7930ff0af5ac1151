// The values of a rows kernel: each is computed in the outermost loop in which
// it is known.
#include "compiler/kernels/RowsValues.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace pgc {

static Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}
static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// Continues at the end of what is emitted directly in a loop: before the loop
/// within it that is being filled, if there is one.
void RowsValues::goTo(unsigned level, OpBuilder::InsertionGuard &) {
  for (unsigned l = level; l + 1 < levels.size(); ++l)
    if (levels[l].nested) {
      k.b.setInsertionPoint(levels[l].nested);
      return;
    }
}

Value RowsValues::toVector(Value value) {
  return KernelBuilder::getLanes(value.getType()) > 1 ? value
                                                      : k.splat(value, lanes);
}

bool RowsValues::usesLanes(ArrayRef<Index> coordinates) const {
  return vectorVariable && llvm::any_of(coordinates, [&](const Index &index) {
           return index.coefficient(*vectorVariable) != 0;
         });
}

RowsValues::Reg RowsValues::remember(std::vector<int64_t> key, Reg reg) {
  levels[reg.level].known[std::move(key)] = reg;
  return reg;
}

/// Computes in the outermost loop that has all operands; scalars are spread
/// where there are vectors.
RowsValues::Reg
RowsValues::apply(ArrayRef<Reg> operands,
                  function_ref<Value(ArrayRef<Value>)> compute) {
  unsigned level = 0, widest = 1;
  for (const Reg &operand : operands) {
    level = std::max(level, operand.level);
    widest = std::max(widest, KernelBuilder::getLanes(operand.value.getType()));
  }
  SmallVector<Value> values;
  for (const Reg &operand : operands) {
    OpBuilder::InsertionGuard guard(k.b);
    goTo(operand.level, guard);
    values.push_back(widest > 1 ? toVector(operand.value) : operand.value);
  }
  OpBuilder::InsertionGuard guard(k.b);
  goTo(level, guard);
  return {compute(values), level};
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

SmallVector<std::pair<RowsValues::Reg, int64_t>>
RowsValues::getTerms(const Index &index) const {
  SmallVector<std::pair<Reg, int64_t>> terms;
  for (unsigned level = 0; level < levels.size(); ++level)
    for (auto [v, c] : index.terms)
      if (Reg variable = variables.at(v); variable.level == level)
        terms.push_back({variable, c});
  return terms;
}

/// The value of an index, of the first lane.
RowsValues::Reg RowsValues::getIndex(const Index &index) {
  Reg sum{k.index(index.offset), 0};
  for (auto &[variable, coefficient] : getTerms(index)) {
    OpBuilder::InsertionGuard guard(k.b);
    goTo(variable.level, guard);
    sum = {k.add(k.mul(variable.value, coefficient), sum.value),
           variable.level};
  }
  return sum;
}

RowsValues::Reg RowsValues::getAddress(Value base, Type element,
                                       const Index &flat) {
  std::vector<int64_t> key{
      reinterpret_cast<intptr_t>(base.getAsOpaquePointer()),
      reinterpret_cast<intptr_t>(element.getAsOpaquePointer())};
  SmallVector<std::pair<Reg, int64_t>> terms = getTerms(flat);
  // Loop by loop, so that each adds its own to what the loops around it have.
  Reg address{base, 0};
  for (size_t i = 0; i < terms.size();) {
    unsigned level = terms[i].first.level;
    Value distance = k.index(0);
    OpBuilder::InsertionGuard guard(k.b);
    goTo(level, guard);
    for (; i < terms.size() && terms[i].first.level == level; ++i) {
      key.push_back(reinterpret_cast<intptr_t>(
          terms[i].first.value.getAsOpaquePointer()));
      key.push_back(terms[i].second);
      distance = k.add(distance, k.mul(terms[i].first.value, terms[i].second));
    }
    auto known = levels[level].known.find(key);
    address =
        known != levels[level].known.end()
            ? known->second
            : remember(key, {k.at(address.value, distance, element), level});
  }
  if (flat.offset == 0)
    return address;
  OpBuilder::InsertionGuard guard(k.b);
  goTo(address.level, guard);
  return {k.at(address.value, flat.offset, element), address.level};
}

unsigned RowsValues::getAlignment(Type element, const Index &flat) const {
  if (!k.target.isGpu())
    return 0;
  // Buffers and slots are aligned to 64 bytes.
  int64_t bytes = KernelBuilder::getElementBytes(element);
  int64_t divisor = std::gcd(int64_t(64), flat.offset * bytes);
  for (auto [variable, coefficient] : flat.terms)
    divisor = std::gcd(divisor, coefficient * bytes *
                                    (variable == vectorVariable ? lanes : 1));
  return divisor;
}

/// The elements at a position, and behind it if it moves with the lanes.
RowsValues::Reg RowsValues::load(Value base, Type element, const Index &flat,
                                 unsigned minLevel) {
  int64_t stride = vectorVariable ? flat.coefficient(*vectorVariable) : 0;
  Reg address = getAddress(base, element, flat);
  address.level = std::max(address.level, minLevel);
  OpBuilder::InsertionGuard guard(k.b);
  goTo(address.level, guard);
  if (stride == 0)
    return {k.load(address.value, element), address.level};
  if (stride == 1 && count == lanes)
    return {k.load(address.value, element, lanes, getAlignment(element, flat)),
            address.level};
  if (stride == 1)
    return {k.loadPartial(address.value, element, lanes, count), address.level};
  Value vector = k.constant(k.getRegisterType(element, lanes), 0);
  for (unsigned i = 0; i < count; ++i) {
    Value scalar = k.load(k.at(address.value, i * stride, element), element);
    vector = vector::InsertOp::create(k.b, k.loc, scalar, vector,
                                      static_cast<int64_t>(i));
  }
  return {vector, address.level};
}

Value RowsValues::getSlot(int64_t offset) {
  Value &address = slots[offset];
  if (!address) {
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(&k.function.getBody().front());
    address = makeSlot(offset);
  }
  return address;
}

/// Where a value lies, unless the nest that puts it there is the one being
/// emitted.
const Resident *RowsValues::findResident(Value value) const {
  auto resident = plan.residents.find(value);
  return resident == plan.residents.end() || keptHere.contains(value)
             ? nullptr
             : &resident->second;
}

RowsValues::Reg RowsValues::readResident(Value value, const Resident &resident,
                                         const Index &flat) {
  if (resident.kind == Resident::Kind::Scalar)
    return rowScalars.at(value);
  if (resident.kind == Resident::Kind::Buffer) {
    prefetch(resident.buffer, elementOf(value), flat);
    return load(k.buffers[resident.buffer], elementOf(value), flat);
  }
  if (resident.kind == Resident::Kind::Global)
    return load(getGlobal(value.getDefiningOp<pg::ConstantOp>()),
                elementOf(value), flat);
  SmallVector<int64_t> shape(shapeOf(value).take_front(resident.prefix));
  shape.push_back(
      ShapedType::getNumElements(shapeOf(value).drop_front(resident.prefix)));
  // Another row, another content: never read it outside the loop over rows.
  return load(getSlot(resident.offset), elementOf(value),
              space.delinearize(flat, shape)->back(), /*minLevel=*/1);
}

/// A constant's elements, in read-only memory.
Value RowsValues::getGlobal(pg::ConstantOp op) {
  Value &address = globals[op.getResult()];
  if (address)
    return address;
  auto values = cast<DenseElementsAttr>(op.getValue());
  Type memory = values.getElementType().isInteger(1) ? k.b.getI8Type()
                                                     : values.getElementType();
  SmallVector<Attribute> elements;
  for (Attribute element : values.getValues<Attribute>())
    elements.push_back(
        values.getElementType().isInteger(1)
            ? k.b.getI8IntegerAttr(cast<BoolAttr>(element).getValue())
            : element);
  // Vectors may read up to 64 bytes past the end: zeros are there.
  elements.append(64 / KernelBuilder::getElementBytes(memory),
                  k.b.getZeroAttr(memory));
  auto size = static_cast<int64_t>(elements.size());
  std::string name =
      (k.function.getSymName() + ".constant" + Twine(globals.size())).str();
  OpBuilder module(out.getBodyRegion());
  auto global = LLVM::GlobalOp::create(
      module, k.loc, LLVM::LLVMArrayType::get(memory, size),
      /*isConstant=*/true, LLVM::Linkage::Internal, name,
      DenseElementsAttr::get(RankedTensorType::get({size}, memory), elements),
      /*alignment=*/64);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(&k.function.getBody().front());
  return address = LLVM::AddressOfOp::create(k.b, k.loc, global);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

RowsValues::Reg RowsValues::evaluate(Value value,
                                     const Coordinates &coordinates) {
  std::vector<int64_t> key{
      reinterpret_cast<intptr_t>(value.getAsOpaquePointer()), count};
  for (const Index &index : coordinates) {
    key.push_back(index.offset);
    for (auto [v, c] : index.terms) {
      key.push_back(v);
      key.push_back(c);
      // A variable that takes another value in another loop is not the same.
      key.push_back(reinterpret_cast<intptr_t>(
          variables.at(v).value.getAsOpaquePointer()));
    }
    key.push_back(-1);
  }
  for (Level &level : levels)
    if (auto known = level.known.find(key); known != level.known.end())
      return known->second;
  const Resident *resident = findResident(value);
  return remember(
      key, resident ? readResident(value, *resident,
                                   linearize(coordinates, shapeOf(value)))
                    : evaluateOp(value.getDefiningOp(), coordinates));
}

RowsValues::Reg RowsValues::evaluateFlat(Value value, const Index &flat) {
  if (const Resident *resident = findResident(value))
    return readResident(value, *resident, flat);
  if (auto reshape = value.getDefiningOp<pg::ReshapeOp>())
    return evaluateFlat(reshape.getX(), flat);
  return evaluate(value, *space.delinearize(flat, shapeOf(value)));
}

RowsValues::Reg RowsValues::evaluateOp(Operation *op,
                                       const Coordinates &coordinates) {
  if (auto splat = dyn_cast<pg::SplatOp>(op)) {
    Value scalar =
        k.scalars[cast<BlockArgument>(splat.getValue()).getArgNumber() -
                  plan.kernel.getTensorArguments().size()];
    OpBuilder::InsertionGuard guard(k.b);
    goTo(0, guard);
    return {k.convert(scalar, elementOf(splat.getResult())), 0};
  }
  if (auto iota = dyn_cast<pg::IotaOp>(op))
    return evaluateIota(iota, coordinates[iota.getAxis()]);
  if (auto constantOp = dyn_cast<pg::ConstantOp>(op))
    return constant(constantOp);
  if (isa<pg::BroadcastOp>(op))
    return evaluate(op->getOperand(0),
                    broadcastCoordinates(op->getOperand(0), coordinates));
  if (auto reshape = dyn_cast<pg::ReshapeOp>(op))
    return evaluateFlat(reshape.getX(),
                        linearize(coordinates, shapeOf(reshape.getResult())));
  if (auto read = getMove(op, coordinates))
    return evaluateBounded(*read, elementOf(op->getResult(0)));
  if (auto rope = dyn_cast<pg::RopeOp>(op))
    return evaluateRope(rope, coordinates);
  if (isa<pg::PickOp, pg::EmbedOp>(op))
    return evaluateLookup(op, coordinates);
  SmallVector<Reg> operands;
  for (Value operand : op->getOperands())
    operands.push_back(
        evaluate(operand, broadcastCoordinates(operand, coordinates)));
  return apply(operands, [&](ArrayRef<Value> values) {
    return k.elementwise(op, values);
  });
}

RowsValues::Reg RowsValues::constant(pg::ConstantOp op) {
  auto values = cast<DenseElementsAttr>(op.getValue());
  Type element = values.getElementType(), type = k.getRegisterType(element);
  if (isa<IntegerType>(element))
    return {k.integer(type, element.isInteger(1)
                                ? values.getSplatValue<APInt>().getZExtValue()
                                : values.getSplatValue<APInt>().getSExtValue()),
            0};
  APFloat value = values.getSplatValue<APFloat>();
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  return {k.constant(type, value.convertToDouble()), 0};
}

RowsValues::Reg RowsValues::evaluateIota(pg::IotaOp op, const Index &index) {
  Reg first = getIndex(index);
  int64_t stride = vectorVariable ? index.coefficient(*vectorVariable) : 0;
  if (stride == 0)
    return first;
  return apply(first, [&](ArrayRef<Value> values) -> Value {
    auto type =
        VectorType::get({static_cast<int64_t>(lanes)}, k.b.getI64Type());
    SmallVector<int64_t> distances;
    for (unsigned i = 0; i < lanes; ++i)
      distances.push_back(i * stride);
    Value steps = arith::ConstantOp::create(
        k.b, k.loc, DenseIntElementsAttr::get(type, distances));
    return arith::AddIOp::create(k.b, k.loc, toVector(values[0]), steps);
  });
}

RowsValues::Reg RowsValues::isInside(const Reg &index, int64_t size) {
  return apply(index, [&](ArrayRef<Value> values) -> Value {
    // As an unsigned number, one below 0 is large.
    return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::ult,
                                 values[0], k.index(size));
  });
}

/// A variable that stands for a number read from memory, brought into [0,
/// size).
unsigned RowsValues::bindDynamic(const Reg &id, int64_t size,
                                 std::vector<int64_t> key) {
  Reg clamped = apply(id, [&](ArrayRef<Value> values) {
    return k.min(k.max(values[0], k.index(0)), k.index(size - 1));
  });
  key.push_back(size);
  key.push_back(reinterpret_cast<intptr_t>(id.value.getAsOpaquePointer()));
  unsigned variable = space.getDynamic(key, size);
  variables[variable] = clamped;
  return variable;
}

/// What is read from outside an operand is 0.
RowsValues::Reg RowsValues::evaluateBounded(Read read, Type element) {
  SmallVector<Reg> conditions;
  for (auto [index, size] : read.bounds) {
    Bound bound = classify(space, index, size);
    if (bound == Bound::Outside)
      return {k.constant(k.getRegisterType(element), 0), 0};
    if (bound == Bound::Inside)
      continue;
    Reg place = getIndex(index);
    conditions.push_back(isInside(place, size));
    Index clamped = Index::variable(bindDynamic(place, size, {-2}));
    for (Index &coordinate : read.coordinates)
      if (coordinate == index)
        coordinate = clamped;
  }
  Reg value = evaluate(read.value, read.coordinates);
  for (const Reg &condition : conditions) {
    Reg zero{k.constant(k.getRegisterType(element), 0), 0};
    value = apply({condition, value, zero}, [&](ArrayRef<Value> v) -> Value {
      return arith::SelectOp::create(k.b, k.loc, v[0], v[1], v[2]);
    });
  }
  return value;
}

RowsValues::Reg RowsValues::evaluateRope(pg::RopeOp op,
                                         const Coordinates &coordinates) {
  int64_t n = shapeOf(op.getCos())[1];
  int64_t part = std::min<int64_t>(space.range(coordinates[3]).first / n, 2);
  Reg x = evaluate(op.getX(), coordinates);
  if (part == 2)
    return x;
  RopeReads reads = getRopeReads(op, coordinates, part);
  Reg partner = evaluate(op.getX(), reads.partner);
  Reg c = evaluate(op.getCos(), reads.angle),
      s = evaluate(op.getSin(), reads.angle);
  // The first half gains s times the second, the second loses s times the
  // first; the inverse turns the other way.
  bool minus = (part == 1) != op.getInverse();
  return apply({x, partner, c, s}, [&](ArrayRef<Value> v) {
    Value turned = k.mulf(v[1], v[3]);
    return k.fma(v[0], v[2], minus ? k.negf(turned) : turned);
  });
}

RowsValues::Reg RowsValues::evaluateLookup(Operation *op,
                                           const Coordinates &coordinates) {
  Value table = op->getOperand(0), ids = op->getOperand(1);
  Coordinates place(ArrayRef(coordinates).drop_back());
  if (usesLanes(place))
    return evaluateLanes(op, coordinates);
  bool isPick = isa<pg::PickOp>(op);
  int64_t size = isPick ? shapeOf(table).back() : shapeOf(table).front();
  Reg id = evaluate(ids, place);
  Index row = Index::variable(bindDynamic(id, size, {-3}));
  if (isPick)
    place.push_back(row);
  else
    place = {row, coordinates.back()};
  if (shapeOf(table)[isPick ? place.size() - 1 : 0] == 1)
    place[isPick ? place.size() - 1 : 0] = Index();
  Reg value = evaluate(table, place), inside = isInside(id, size);
  Reg zero{k.constant(k.getRegisterType(elementOf(table)), 0), 0};
  return apply({inside, value, zero}, [&](ArrayRef<Value> v) -> Value {
    return arith::SelectOp::create(k.b, k.loc, v[0], v[1], v[2]);
  });
}

/// Lane by lane, where each looks up something else.
RowsValues::Reg RowsValues::evaluateLanes(Operation *op,
                                          const Coordinates &coordinates) {
  unsigned moving = *vectorVariable;
  Reg first = variables.at(moving);
  Value vector =
      k.constant(k.getRegisterType(elementOf(op->getResult(0)), lanes), 0);
  for (unsigned i = 0; i < count; ++i) {
    Reg place = apply(first, [&](ArrayRef<Value> v) {
      return k.add(v[0], static_cast<int64_t>(i));
    });
    unsigned variable = space.getDynamic({-4, moving, i}, space[moving].size);
    variables[variable] = place;
    space[variable].low = space[moving].low;
    space[variable].high = space[moving].high;
    Coordinates lane = coordinates;
    for (Index &index : lane)
      index = index.substitute(moving, Index::variable(variable));
    Reg value = evaluateOp(op, lane);
    vector = vector::InsertOp::create(k.b, k.loc, value.value, vector,
                                      static_cast<int64_t>(i));
  }
  return {vector, static_cast<unsigned>(levels.size() - 1)};
}

} // namespace pgc
