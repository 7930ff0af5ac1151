#include "compiler/frontend/Recurrence.h"

namespace pgc {

namespace {

/// What goes from visit to visit: a tensor, or a list of tensors.
struct State {
  bool isList = false;
  std::vector<Tensor> tensors;

  Value value() const {
    if (!isList)
      return Value::tensor(tensors[0]);
    List list;
    for (const Tensor &t : tensors)
      list.push_back(Value::tensor(t));
    return Value::list(std::move(list));
  }
  std::string describe() const {
    std::string text;
    for (const Tensor &t : tensors)
      text += (text.empty() ? "" : ", ") + pgc::describe(t.dims);
    return isList ? "[" + text + "]" : text;
  }
  bool sameAs(const State &other) const {
    if (isList != other.isList || tensors.size() != other.tensors.size())
      return false;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const Tensor &a = tensors[i], &b = other.tensors[i];
      if (a.element != b.element || a.rank() != b.rank())
        return false;
      for (size_t axis = 0; axis < a.rank(); ++axis)
        if (a.dims[axis].size != b.dims[axis].size)
          return false;
    }
    return true;
  }
};

class RecurBuilder {
public:
  RecurBuilder(Evaluator &ev, const WordCall &c) : ev(ev), c(c) {}
  Value build();

private:
  std::optional<State> toState(const Value &value, SourceRange range);
  bool readArguments();
  Value unroll();
  std::unique_ptr<mlir::Region> fill(const Value &function,
                                     Evaluator::Region region, bool skip,
                                     const Value &extra);
  Value callBody(const Value &function, std::vector<Value> arguments,
                 SourceRange range);
  Evaluator::Region layerRegion(int64_t visit) const {
    Evaluator::Region region;
    region.recurrence = id;
    region.visit = visit;
    region.label = order[visit];
    return region;
  }
  Evaluator::Region mergeRegion(int64_t position) const {
    Evaluator::Region region;
    region.recurrence = id;
    region.merge = true;
    region.position = position;
    return region;
  }

  Evaluator &ev;
  const WordCall &c;
  int id = 0;
  State init;
  List order;
  int64_t skips = 0;
};

} // namespace

std::optional<State> RecurBuilder::toState(const Value &value,
                                           SourceRange range) {
  if (value.isPoison())
    return std::nullopt;
  State state;
  state.isList = value.isList();
  List parts = state.isList ? value.asList() : List{value};
  for (const Value &part : parts) {
    bool integers =
        part.isTensor() && part.asTensor().element != Element::Float;
    auto t = ev.toTensor(part, integers ? Element::Integer : Element::Float,
                         range, "the state of recur");
    if (!t)
      return std::nullopt;
    t->value = ev.load(*t, range);
    t->parameter = nullptr;
    t->constants = nullptr;
    state.tensors.push_back(*t);
  }
  if (state.tensors.empty()) {
    ev.error(range, "the state of recur is an empty list");
    return std::nullopt;
  }
  return state;
}

bool RecurBuilder::readArguments() {
  auto state = toState(c.values[0], c.ranges[0]);
  if (!state)
    return false;
  init = std::move(*state);
  if (!c.values[1].isList()) {
    if (c.values[1].isStep() || c.values[1].isTensor())
      ev.notKnown(c.ranges[1], c.values[1], "the order of visits");
    else
      ev.error(c.ranges[1], "the order of visits is a list; this is " +
                                c.values[1].kindName().str());
    return false;
  }
  order = c.values[1].asList();
  for (size_t i : {size_t(2), size_t(4)})
    if (c.has(i) && !c.values[i].isFunction()) {
      ev.error(c.ranges[i], std::string(i == 2 ? "layer" : "merge") +
                                " is a function; this is " +
                                c.values[i].kindName().str());
      return false;
    }
  if (c.has(3)) {
    auto n = ev.requireInteger(c.values[3], c.ranges[3], "the number of skips");
    if (!n)
      return false;
    if (*n < 0) {
      ev.error(c.ranges[3],
               "the number of skips is negative: " + std::to_string(*n));
      return false;
    }
    skips = *n;
  }
  if (skips > 0 && !c.has(4)) {
    ev.error(c.range, "recur with skips needs 'merge': the function that puts "
                      "a skip onto the state");
    return false;
  }
  return true;
}

Value RecurBuilder::callBody(const Value &function,
                             std::vector<Value> arguments, SourceRange range) {
  std::vector<Actual> actuals;
  for (Value &argument : arguments)
    actuals.push_back({{}, std::move(argument), range});
  return ev.call(function, std::move(actuals), range, range);
}

// Over labels that are no integers: a fold of values, without an op.
Value RecurBuilder::unroll() {
  Value state = c.values[0];
  List pushed;
  int64_t half = order.size() / 2;
  for (int64_t visit = 0; visit < int64_t(order.size()); ++visit) {
    int64_t j = visit - half;
    if (j >= 0 && j < skips && !pushed.empty()) {
      ev.regions.push_back(mergeRegion(j));
      state = callBody(c.values[4], {state, pushed.back(), Value::integer(j)},
                       c.ranges[4]);
      ev.regions.pop_back();
      pushed.pop_back();
    }
    ev.regions.push_back(layerRegion(visit));
    state = callBody(c.values[2], {state, order[visit]}, c.ranges[2]);
    ev.regions.pop_back();
    if (state.isPoison())
      return state;
    if (visit < half)
      pushed.push_back(state);
  }
  return state;
}

std::unique_ptr<mlir::Region> RecurBuilder::fill(const Value &function,
                                                 Evaluator::Region where,
                                                 bool skip,
                                                 const Value &extra) {
  SourceRange range = c.ranges[where.merge ? 4 : 2];
  auto region = std::make_unique<mlir::Region>();
  mlir::Block &block = region->emplaceBlock();
  auto addState = [&] {
    State state = init;
    for (Tensor &t : state.tensors)
      t.value = block.addArgument(t.value.getType(), ev.location(range));
    return state.value();
  };
  std::vector<Value> arguments{addState()};
  if (skip)
    arguments.push_back(addState());
  arguments.push_back(extra);

  mlir::OpBuilder::InsertionGuard guard(ev.builder);
  ev.builder.setInsertionPointToEnd(&block);
  ev.regions.push_back(std::move(where));
  std::optional<State> next;
  Value result = callBody(function, std::move(arguments), range);
  if (!result.isPoison())
    next = toState(result, range);
  if (next && !next->sameAs(init)) {
    ev.error(range, ev.regions.back().merge
                        ? "what merges a skip must return the state it is given"
                        : "the body of recur must return what it takes")
        .detail("takes " + init.describe() + "    returns " + next->describe());
    next.reset();
  }
  ev.regions.pop_back();
  if (!next)
    return nullptr;
  llvm::SmallVector<mlir::Value> values;
  for (const Tensor &t : next->tensors)
    values.push_back(t.value);
  pg::YieldOp::create(ev.builder, ev.location(range), values);
  return region;
}

Value RecurBuilder::build() {
  id = ++ev.recurrences;
  bool integers = c.values[1].isList() &&
                  llvm::all_of(c.values[1].asList(),
                               [](const Value &v) { return v.isInteger(); });
  if (!readArguments())
    return Value();
  if (order.empty())
    return c.values[0];
  if (!integers || ev.inRule || ev.pass.quantizes)
    return unroll();

  bool outerReadVisit = ev.readVisit;
  std::vector<std::unique_ptr<mlir::Region>> layers, merges;
  llvm::SmallVector<int64_t> indices, labels;
  std::map<int64_t, int64_t> shared; // label to region; -1: one a visit
  int64_t half = order.size() / 2;
  bool good = true;
  for (int64_t visit = 0; visit < int64_t(order.size()); ++visit) {
    int64_t j = visit - half;
    if (j >= 0 && j < std::min(skips, half)) {
      merges.push_back(
          fill(c.values[4], mergeRegion(j), true, Value::integer(j)));
      good &= bool(merges.back());
    }
    int64_t label = order[visit].asInteger();
    labels.push_back(label);
    auto known = shared.find(label);
    if (known != shared.end() && known->second >= 0) {
      indices.push_back(known->second);
      continue;
    }
    ev.readVisit = false;
    indices.push_back(layers.size());
    layers.push_back(
        fill(c.values[2], layerRegion(visit), false, order[visit].named("")));
    good &= bool(layers.back());
    shared[label] = ev.readVisit ? -1 : indices.back();
    if (ev.stopped())
      return Value();
  }
  ev.readVisit = outerReadVisit;
  if (!good)
    return Value();

  mlir::OperationState state(ev.location(c.range),
                             pg::RecurOp::getOperationName());
  for (const Tensor &t : init.tensors) {
    state.addOperands(t.value);
    state.addTypes(t.value.getType());
  }
  auto &properties = state.getOrAddProperties<pg::RecurOp::Properties>();
  properties.order = ev.builder.getDenseI64ArrayAttr(indices);
  properties.skips = ev.builder.getI64IntegerAttr(skips);
  if (labels != indices)
    properties.labels = ev.builder.getI64ArrayAttr(labels);
  for (auto *regions : {&layers, &merges})
    for (auto &region : *regions)
      state.addRegion(std::move(region));
  mlir::Operation *op = ev.builder.create(state);
  State result = init;
  for (auto [i, t] : llvm::enumerate(result.tensors))
    t.value = op->getResult(i);
  return result.value();
}

Value evaluateRecur(Evaluator &ev, const WordCall &c) {
  return RecurBuilder(ev, c).build();
}

} // namespace pgc
