// The step of the optimizer: clipping, rules, averages; and what of the
// schedule is logged.
#include "compiler/frontend/ModelFunctions.h"
#include "compiler/frontend/Phases.h"
#include "compiler/frontend/Sections.h"

namespace pgc {

namespace {
class UpdateBuilder {
public:
  /// `prefix`: what the names of the rules' states begin with, behind the
  /// parameter's.
  UpdateBuilder(Evaluator &ev, const std::optional<SettingArguments> &clip,
                const std::vector<RuleItem> &rules,
                const std::vector<const ParameterRecord *> &reached,
                std::string prefix = "")
      : ev(ev), clip(clip), rules(rules), reached(reached),
        prefix(std::move(prefix)) {}
  bool build();
  bool average(const RuleItem &rule);

private:
  Value loadVariable(const ParameterRecord &p, llvm::StringRef suffix);
  void loadGradients();
  void clipGradients();
  bool update(const ParameterRecord &p);
  bool average(const RuleItem &rule, const ParameterRecord &p);
  std::optional<mlir::Value> apply(const RuleItem &rule,
                                   const ParameterRecord &p,
                                   std::map<std::string, Value> filled,
                                   const std::string &statePrefix);

  Evaluator &ev;
  const std::optional<SettingArguments> &clip;
  const std::vector<RuleItem> &rules;
  const std::vector<const ParameterRecord *> &reached;
  std::string prefix;
  std::map<const ParameterRecord *, Value> gradients, updated;
};
} // namespace

Value UpdateBuilder::loadVariable(const ParameterRecord &p,
                                  llvm::StringRef suffix) {
  auto type = ev.typeOf(p.dims, Element::Float);
  mlir::Value value = pg::LoadOp::create(ev.builder, ev.location(p.nameRange),
                                         type, p.name + suffix.str());
  return ev.wrap(value, p.dims);
}

void UpdateBuilder::loadGradients() {
  for (const ParameterRecord *p : reached)
    gradients[p] = loadVariable(*p, ":grad");
}

// g *= min(1, max / (sqrt(sum of all g²) + 1e-6))
void UpdateBuilder::clipGradients() {
  if (!clip || reached.empty())
    return;
  const auto &max = (*clip)["max"];
  mlir::Location loc = ev.location(clip->call->range);
  mlir::OpBuilder &b = ev.builder;
  mlir::Value total;
  for (const ParameterRecord *p : reached) {
    mlir::Value g = gradients[p].asTensor().value;
    llvm::SmallVector<int64_t> axes;
    for (size_t i = 0; i < p->dims.size(); ++i)
      axes.push_back(i);
    mlir::Value sum = pg::MulOp::create(b, loc, g, g);
    if (!axes.empty()) {
      sum = pg::ReduceOp::create(b, loc, pg::ReduceKind::sum, sum, axes);
      sum = pg::ReshapeOp::create(b, loc, sum, llvm::ArrayRef<int64_t>{});
    }
    total = total ? pg::AddOp::create(b, loc, total, sum).getResult() : sum;
  }
  auto constant = [&](double v) {
    return ev.constantTensor(v, clip->call->range, Element::Float)
        .asTensor()
        .value;
  };
  mlir::Value norm = pg::SqrtOp::create(b, loc, total);
  norm = pg::AddOp::create(b, loc, norm, constant(1e-6));
  auto limit = ev.toTensor(max.value, Element::Float, max.range, "clip_norm");
  mlir::Value scale = pg::DivOp::create(b, loc, limit->value, norm);
  scale = pg::MinOp::create(b, loc, constant(1), scale);
  for (const ParameterRecord *p : reached) {
    const Tensor &g = gradients[p].asTensor();
    gradients[p] = ev.wrap(pg::MulOp::create(b, loc, g.value, scale), g.dims);
  }
}

std::optional<mlir::Value>
UpdateBuilder::apply(const RuleItem &rule, const ParameterRecord &p,
                     std::map<std::string, Value> filled,
                     const std::string &statePrefix) {
  std::vector<Actual> actuals = rule.actuals;
  SourceRange range = rule.rule->what->range;
  for (const ast::Formal &formal : rule.function.asFunction().fn->formals)
    if (auto it = filled.find(formal.name.text); it != filled.end())
      actuals.push_back({it->first, it->second, range});
  ev.statePrefix = statePrefix;
  ev.inRule = true;
  Value result =
      ev.call(rule.function, actuals, range, rule.rule->what->callee->range);
  ev.inRule = false;
  if (result.isPoison())
    return std::nullopt;
  auto tensor = ev.toTensor(result, Element::Float, range, "a rule");
  if (!tensor)
    return std::nullopt;
  if (describe(tensor->dims, false) != describe(p.dims, false)) {
    ev.error(range, "the rule returns " + describe(tensor->dims) + " for '" +
                        p.name + "' of the shape " + describe(p.dims));
    return std::nullopt;
  }
  return ev.load(*tensor, range);
}

bool UpdateBuilder::update(const ParameterRecord &p) {
  auto rule =
      llvm::find_if(rules, [&](const RuleItem &item) { return item.fits(p); });
  if (rule == rules.end())
    return true; // said by checkCoverage
  std::map<std::string, Value> filled{{"p", loadVariable(p, "")},
                                      {"g", gradients[&p]}};
  auto value = apply(*rule, p, filled, p.name + ":" + prefix);
  if (!value)
    return false;
  pg::StoreOp::create(ev.builder, ev.location(rule->rule->range), *value,
                      p.name);
  updated[&p] = ev.wrap(*value, p.dims);
  return true;
}

bool UpdateBuilder::average(const RuleItem &rule, const ParameterRecord &p) {
  auto it = updated.find(&p);
  std::map<std::string, Value> filled{
      {"a", loadVariable(p, ":average")},
      {"p", it != updated.end() ? it->second : loadVariable(p, "")}};
  auto value = apply(rule, p, filled, p.name + ":average.");
  if (!value)
    return false;
  pg::StoreOp::create(ev.builder, ev.location(rule.rule->range), *value,
                      p.name + ":average");
  return true;
}

bool UpdateBuilder::build() {
  loadGradients();
  clipGradients();
  bool good = true;
  for (const ParameterRecord *p : reached)
    good &= update(*p);
  return good;
}

bool UpdateBuilder::average(const RuleItem &rule) {
  bool good = true;
  for (const ParameterRecord &p : ev.session.parameters.all())
    if (p.trained)
      good &= average(rule, p);
  return good;
}

mlir::func::FuncOp
buildUpdate(Session &session, mlir::ModuleOp module, const std::string &name,
            const std::string &phase, std::vector<bool> switches,
            const std::vector<const ParameterRecord *> &reached) {
  auto function = startFunction(session, module, name, "update", phase, {});
  Pass pass;
  pass.switches = std::move(switches);
  pass.place = "train";
  Evaluator ev(session, pass, &function.getBody().front());
  std::optional<TrainSection> train = readTrain(ev);
  if (!train)
    return nullptr;
  UpdateBuilder update(ev, train->clip, train->rules, reached);
  if (!update.build() || (train->average && !update.average(*train->average)))
    return nullptr;
  finishFunction(function, ev.builder, {}, {});
  removeDeadOps(function);
  return function;
}

std::vector<const ParameterRecord *>
findAdapted(const AdaptSection &adapt,
            const std::vector<const ParameterRecord *> &reached) {
  std::vector<const ParameterRecord *> adapted;
  for (const ParameterRecord *p : reached)
    if (llvm::any_of(adapt.rules,
                     [&](const RuleItem &item) { return item.fits(*p); }))
      adapted.push_back(p);
  return adapted;
}

mlir::func::FuncOp
buildAdaptUpdate(Session &session, mlir::ModuleOp module,
                 const std::string &name, unsigned evaluation,
                 const std::vector<const ParameterRecord *> &reached) {
  auto function = startFunction(session, module, name, "adapt_update", "", {});
  Pass pass;
  pass.switches.assign(session.switches.size(), true);
  pass.training = false;
  pass.evaluation = evaluation;
  pass.place = "evaluate";
  Evaluator ev(session, pass, &function.getBody().front());
  unsigned errors = session.diagnostics.numErrors();
  OtherSections sections = readEvaluate(ev);
  if (session.diagnostics.numErrors() != errors ||
      evaluation >= sections.adapts.size())
    return nullptr;
  const AdaptSection &adapt = sections.adapts[evaluation];
  std::vector<const ParameterRecord *> adapted = findAdapted(adapt, reached);
  UpdateBuilder update(ev, adapt.clip, adapt.rules, adapted,
                       "evaluate" + std::to_string(evaluation) + ".");
  if (!update.build())
    return nullptr;
  finishFunction(function, ev.builder, {}, {});
  removeDeadOps(function);
  return function;
}

bool buildScalarFunctions(Session &session, mlir::ModuleOp module) {
  unsigned errors = session.diagnostics.numErrors();
  auto add = [&](const std::string &name,
                 llvm::function_ref<Value(Evaluator &)> compute) {
    auto function = startFunction(session, module, name, "", "", {});
    Pass pass;
    pass.switches.assign(session.switches.size(), true);
    pass.place = "train";
    Evaluator ev(session, pass, &function.getBody().front());
    Value value = compute(ev);
    const StepExpr *expr = value.isStep() ? value.asStep()
                           : value.isNumber()
                               ? session.steps.constant(value.asDouble())
                               : session.steps.constant(0);
    mlir::Value scalar = ev.emitStep(expr, {});
    finishFunction(function, ev.builder, scalar, {});
  };
  std::vector<Value> conditions = evaluateSwitches(session);
  for (auto [s, condition] : llvm::zip(session.switches, conditions))
    add("switch." + s->name.text, [&](Evaluator &) { return condition; });
  add("log.lr", [&](Evaluator &ev) {
    std::optional<TrainSection> train = readTrain(ev);
    if (train && !train->rules.empty())
      for (const Actual &actual : train->rules[0].actuals)
        if (actual.name == "lr")
          return actual.value;
    return Value::number(0);
  });
  return session.diagnostics.numErrors() == errors;
}

} // namespace pgc
