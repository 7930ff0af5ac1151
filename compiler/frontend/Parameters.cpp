// Declarations of parameters, and of the states of optimizers.
#include "compiler/frontend/ModelFunctions.h"

namespace pgc {

std::string Evaluator::fullName(llvm::StringRef path) const {
  std::string scope;
  auto add = [&scope](llvm::StringRef part) {
    if (part.consume_front("/"))
      scope.clear();
    if (!scope.empty() && !part.empty())
      scope += ".";
    scope += part;
  };
  for (const Frame &frame : frames)
    add(frame.prefix);
  add(path);
  return scope;
}

static bool isFullName(llvm::StringRef name) {
  return !name.empty() && llvm::all_of(name, [](char c) {
    return llvm::isAlnum(c) || c == '_' || c == '.' || c == '-';
  });
}

/// The elements of a small constant tensor, spread to a shape.
static std::optional<std::vector<double>> spread(const Tensor &t,
                                                 const Dims &dims) {
  if (!t.constants || t.rank() > dims.size() ||
      int64_t(t.constants->size()) != t.elements())
    return std::nullopt;
  size_t skip = dims.size() - t.rank();
  int64_t total = *countElements(dims);
  std::vector<double> values(total);
  for (int64_t i = 0; i < total; ++i) {
    int64_t rest = i, source = 0, stride = 1;
    for (size_t axis = dims.size(); axis-- > 0;) {
      int64_t at = rest % dims[axis].size;
      rest /= dims[axis].size;
      if (axis < skip)
        continue;
      const Dim &d = t.dims[axis - skip];
      if (d.size != 1 && d.size != dims[axis].size)
        return std::nullopt;
      if (d.size != 1)
        source += at * stride;
      stride *= d.size;
    }
    values[i] = (*t.constants)[source];
  }
  return values;
}

mlir::DictionaryAttr Evaluator::initializer(const Value &value,
                                            const Dims &dims, SourceRange range,
                                            const char *what) {
  auto kind = [&](llvm::StringRef name) {
    return builder.getNamedAttr("kind", builder.getStringAttr(name));
  };
  auto type = typeOf(dims, Element::Float);
  if (value.isNumber()) {
    auto dense = denseFloats(type, value.asDouble());
    return builder.getDictionaryAttr(
        {kind("constant"), builder.getNamedAttr("value", dense)});
  }
  if (value.isDraw()) {
    const Draw &draw = value.asDraw();
    auto scale = builder.getF64FloatAttr(draw.scale);
    if (draw.orthogonal && dims.size() != 2) {
      error(range, "orthogonal() initialises matrices; this has the shape " +
                       describe(dims));
      return {};
    }
    return builder.getDictionaryAttr(
        {kind(draw.orthogonal ? "orthogonal" : "normal"),
         builder.getNamedAttr(draw.orthogonal ? "scale" : "std", scale)});
  }
  if (value.isStep()) {
    notKnown(range, value, std::string("the initial value of ") + what);
    return {};
  }
  if (!value.isTensor()) {
    if (!value.isPoison())
      error(range, std::string("the initial value of ") + what +
                       " is a number, a tensor or a draw; this is " +
                       value.kindName().str());
    return {};
  }
  const Tensor &t = value.asTensor();
  bool fits = t.rank() <= dims.size();
  for (size_t i = 1; fits && i <= t.rank(); ++i) {
    int64_t size = t.dims[t.rank() - i].size;
    fits = size == 1 || size == dims[dims.size() - i].size;
  }
  if (!fits) {
    error(range, "the initial value " + describe(t.dims) +
                     " does not broadcast to the shape " + describe(dims))
        .defines(dims);
    return {};
  }
  auto values = spread(t, dims);
  if (!values)
    return computedValue(t, dims, range);
  auto dense = denseFloats(type, *values);
  return builder.getDictionaryAttr(
      {kind("constant"), builder.getNamedAttr("value", dense)});
}

/// The block of @init.
static mlir::Block &initBlock(Session &session) {
  if (!session.initModule) {
    session.initModule =
        mlir::ModuleOp::create(mlir::UnknownLoc::get(&session.context));
    startFunction(session, *session.initModule, "init", "init", "", {});
  }
  auto functions = session.initModule->getOps<mlir::func::FuncOp>();
  return (*functions.begin()).getBody().front();
}

mlir::DictionaryAttr Evaluator::initialValue(const ast::Param &param,
                                             Scope &own,
                                             const std::string &name,
                                             const Dims &dims) {
  // What every pass but the first builds is of no use.
  mlir::Block scratch;
  bool isNew = !session.parameters.find(name);
  mlir::OpBuilder::InsertionGuard guard(builder);
  mlir::Block *block = isNew ? &initBlock(session) : &scratch;
  mlir::Operation *before = block->empty() ? nullptr : &block->back();
  builder.setInsertionPointToEnd(block);
  std::string outerName = std::exchange(initializing, name);
  int64_t outerDraws = std::exchange(draws, 0);
  Value init = evaluate(*param.init, own);
  mlir::DictionaryAttr attr;
  if (!init.isPoison())
    attr = initializer(init, dims, param.init->range, "a parameter");
  initializing = outerName;
  draws = outerDraws;
  // Nothing that is of no use stays: after an error it may read values of the
  // model.
  bool computed =
      attr && attr.getAs<mlir::StringAttr>("kind").getValue() == "computed";
  while (!(isNew && computed) && !block->empty() && &block->back() != before) {
    block->back().dropAllUses();
    block->back().erase();
  }
  return attr;
}

/// Whether a value is made of constants and draws alone, in that block.
static bool isSelfContained(mlir::Value value, mlir::Block *block,
                            llvm::DenseSet<mlir::Operation *> &seen) {
  mlir::Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != block)
    return false;
  if (!seen.insert(op).second)
    return true;
  if (auto load = llvm::dyn_cast<pg::LoadOp>(op))
    return load.getVariable().contains(drawSuffix);
  return llvm::all_of(op->getOperands(), [&](mlir::Value operand) {
    return isSelfContained(operand, block, seen);
  });
}

mlir::DictionaryAttr Evaluator::computedValue(const Tensor &value,
                                              const Dims &dims,
                                              SourceRange range) {
  mlir::Value result = value.value;
  llvm::DenseSet<mlir::Operation *> seen;
  if (initializing.empty() || !result ||
      !isSelfContained(result, builder.getInsertionBlock(), seen)) {
    error(range, initializing.empty()
                     ? "the initial value of a state is a number"
                     : "an initial value is made of numbers and draws; this "
                       "one reads other tensors, too")
        .help("what is needed is computed in the initialiser, or in a function "
              "that it calls");
    return {};
  }
  Tensor floats = convert(value, Element::Float, range);
  auto type = typeOf(dims, Element::Float);
  mlir::Value whole = load(floats, range);
  if (whole.getType() != type)
    whole = pg::BroadcastOp::create(builder, location(range), type, whole);
  pg::StoreOp::create(builder, location(range), whole, initializing);
  return builder.getDictionaryAttr(
      builder.getNamedAttr("kind", builder.getStringAttr("computed")));
}

/// Says which call's prefix should have told two parameters apart.
void Evaluator::explainPrefix(Report &report) {
  for (const Frame &frame : llvm::reverse(frames)) {
    if (!frame.fn->under)
      continue;
    // From the word 'under' on.
    SourceRange under = frame.fn->under->range;
    std::string_view before =
        session.sources.text(under.file).substr(0, under.begin);
    if (size_t word = before.rfind("under"); word != std::string_view::npos)
      under.begin = word;
    report.note(under, "in a call of '" + frame.fn->name.text +
                           "', whose prefix does not depend on the layer");
    std::string index = "i";
    if (!frame.fn->formals.empty())
      index = frame.fn->formals.back().name.text;
    std::string prefix = "\"" + frame.prefix + ".{" + index + "}\"";
    report.help("give each layer its own: under " + prefix +
                "; or share one: declare it outside the layers");
    return;
  }
  report.help("did you forget 'under'? It puts a prefix before the names of "
              "what a function declares");
}

bool Evaluator::checkDeclaredOnce(const std::string &name,
                                  const ast::Param &param) {
  auto [it, isNew] = declarations.try_emplace(name, Declared{&param, regions});
  if (isNew)
    return true;
  Declared &first = it->second;
  bool sameOwner = first.regions.size() == regions.size();
  bool sameVisit = sameOwner;
  for (size_t i = 0; sameOwner && i < regions.size(); ++i) {
    sameOwner = first.regions[i].sameOwner(regions[i]);
    sameVisit = sameVisit && first.regions[i].visit == regions[i].visit;
  }
  if (sameOwner && !sameVisit) {
    first.regions = regions; // visits of one layer share it
    return true;
  }
  if (!reportedTwice.insert(&param).second)
    return false;
  if (regions.empty() != first.regions.empty()) {
    const Region &inside =
        regions.empty() ? first.regions.back() : regions.back();
    Report report = error(param.name.range,
                          inside.describe() + " declares the parameter '" +
                              name + "', which is declared outside too");
    if (first.declaration != &param)
      report.note(first.declaration->name.range, "declared here first");
    return false;
  }
  if (sameOwner || regions.empty()) {
    Report report =
        error(param.name.range,
              "the parameter '" + name + "' is declared twice" +
                  (regions.empty() ? std::string()
                                   : " by " + regions.back().describe()));
    if (first.declaration != &param)
      report.note(first.declaration->name.range, "declared here first");
    report.help("did you forget 'under'? A parameter is declared once in a "
                "pass; use the value where it is needed again");
    return false;
  }
  const Region &a = first.regions.back(), &b = regions.back();
  std::string both;
  if (!a.merge && !b.merge)
    both =
        "layers " + pgc::describe(a.label) + " and " + pgc::describe(b.label);
  else
    both = a.describe() + " and " + b.describe();
  Report report = error(param.name.range,
                        both + " both declare the parameter '" + name + "'");
  explainPrefix(report);
  return false;
}

Value Evaluator::declareParameter(const ast::Param &param, Scope *scope) {
  if (scope)
    return declareParameter(param, *scope, /*topLevel=*/false);
  // A parameter of the file belongs to no call and to no layer.
  std::vector<Frame> callers;
  std::vector<Region> within;
  std::swap(callers, frames);
  std::swap(within, regions);
  Value value = declareParameter(param, newScope(nullptr), /*topLevel=*/true);
  std::swap(callers, frames);
  std::swap(within, regions);
  return value;
}

Value Evaluator::declareParameter(const ast::Param &param, Scope &own,
                                  bool topLevel) {
  std::optional<std::string> path = param.name.text;
  if (param.path)
    path = format(*param.path, own);
  if (!path)
    return Value();
  std::string name = fullName(*path);
  if (!isFullName(name))
    return error(param.path ? param.path->range : param.name.range,
                 "'" + name +
                     "' cannot be the name of a parameter: it takes "
                     "letters, digits, _ and - between dots");
  auto asTensor = [](const ParameterRecord *record) {
    Tensor t{record->dims, Element::Float};
    t.parameter = record;
    return Value::tensor(t);
  };
  auto known = declarations.find(name);
  if (topLevel && known != declarations.end() &&
      known->second.declaration == &param)
    if (const ParameterRecord *record = session.parameters.find(name))
      return asTensor(record);
  if (inRule)
    return error(param.range, "a rule declares no parameters")
        .help("what is kept between steps is a 'state'");

  Value shape = evaluate(*param.shape, own);
  auto dims =
      requireShape(shape, param.shape->range, "the shape", param.shape.get());
  if (!dims || !checkDeclaredOnce(name, param))
    return Value();
  mlir::DictionaryAttr attr = initialValue(param, own, name, *dims);
  if (!attr) {
    declarations.erase(name); // said once
    return Value();
  }

  ParameterRecord *record = session.parameters.find(name);
  if (!record) {
    record = &session.parameters.add({name, *dims, param.group.text, attr,
                                      param.name.range, param.group.range,
                                      &param, false});
  } else if (describe(record->dims, false) != describe(*dims, false) ||
             record->group != param.group.text || record->init != attr) {
    return error(param.name.range,
                 "the parameter '" + name +
                     "' is declared differently elsewhere: " + describe(*dims) +
                     " in " + param.group.text)
        .note(record->nameRange,
              "here it is " + describe(record->dims) + " in " + record->group)
        .defines(*dims);
  }
  if (llvm::find(declared, record) == declared.end())
    declared.push_back(record);
  return asTensor(record);
}

Value Evaluator::declareState(const ast::State &state, Scope &scope) {
  if (!inRule)
    return error(state.range, "a 'state' can stand in a function that is a "
                              "rule of 'train' only");
  std::string name = statePrefix + state.name.text;
  Value shape = evaluate(*state.shape, scope);
  auto dims =
      requireShape(shape, state.shape->range, "the shape", state.shape.get());
  Value init = evaluate(*state.init, scope);
  if (!dims || init.isPoison())
    return Value();
  if (pass.evaluation && init.isDraw())
    return error(state.init->range,
                 "a state of an evaluation cannot start with a draw: an "
                 "artifact has no seed, so its scores could not be found again")
        .help("start with a number");
  mlir::DictionaryAttr attr =
      initializer(init, *dims, state.init->range, "a state");
  if (!attr)
    return Value();
  if (state.name.text == "grad" || state.name.text == "average")
    return error(state.name.range,
                 "a state cannot be called '" + state.name.text + "'");
  if (!stateNames.insert(name).second)
    return error(state.name.range, "the state '" + state.name.text +
                                       "' is declared twice in one rule");
  if (const StateRecord *record = session.states.find(name)) {
    if (describe(record->dims, false) != describe(*dims, false) ||
        record->init != attr)
      return error(state.range, "the state '" + state.name.text +
                                    "' is declared differently in two phases");
  } else {
    session.states.add({name, *dims, attr, pass.evaluation});
  }
  mlir::Location loc = location(state.range);
  mlir::Value old =
      pg::LoadOp::create(builder, loc, typeOf(*dims, Element::Float), name);
  scope.set(state.name.text, wrap(old, *dims));
  auto next = toTensor(evaluate(*state.next, scope), Element::Float,
                       state.next->range, "a state");
  if (!next)
    return Value();
  if (describe(next->dims, false) != describe(*dims, false))
    return error(state.next->range, "the state '" + state.name.text + "' is " +
                                        describe(*dims) + " but becomes " +
                                        describe(next->dims));
  mlir::Value value = load(*next, state.range);
  pg::StoreOp::create(builder, loc, value, name);
  return wrap(value, *dims);
}

} // namespace pgc
