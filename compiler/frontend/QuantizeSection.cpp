// What `quantize` says: calibration, and the rule of each parameter.
#include "compiler/frontend/Sections.h"

namespace pgc {

using namespace ast;

bool QuantizeSection::readsHessian(const RuleItem &rule) const {
  return rule.function.isFunction() &&
         llvm::any_of(
             rule.function.asFunction().fn->formals,
             [](const Formal &formal) { return formal.name.text == "h"; });
}

const RuleItem *QuantizeSection::ruleOf(const ParameterRecord &p) const {
  auto rule =
      llvm::find_if(rules, [&](const RuleItem &item) { return item.fits(p); });
  return rule == rules.end() ? nullptr : &*rule;
}

static void readQuantizer(Evaluator &ev, const Rule &rule, Scope &scope,
                          QuantizeSection &section) {
  if (rule.items) {
    ev.error(rule.items->range, "a rule of 'quantize' has no block");
    return;
  }
  auto who = readWho(ev, *rule.who, scope);
  std::optional<RuleItem> item;
  if (rule.what->calleeName() == "drop") {
    if (auto setting = readSetting(ev, *rule.what, scope, ""))
      item.emplace().rule = &rule;
  } else {
    item = readRule(ev, rule, scope, {"p", "h"});
  }
  if (!who || !item)
    return;
  item->who = std::move(*who);
  std::map<std::string, std::string> arguments;
  for (const Actual &actual : item->actuals) {
    Value value = actual.value;
    if (value.isStep() && dependsOnSolved(value.asStep()))
      value = Value::number(evaluate(value.asStep(), 0, 0)); // as in the file
    else if (value.isStep())
      ev.notKnown(actual.range, value, "an argument of a quantiser");
    std::string text = describe(value);
    arguments[actual.name.str()] = text;
    item->text +=
        (item->text.empty() ? "" : ", ") + actual.name.str() + " = " + text;
  }
  item->text = rule.what->calleeName() + "(" + item->text + ")";
  section.items.push_back(
      makeItem(SectionKind::Quantize, rule.who.get(), *rule.what, arguments));
  section.rules.push_back(std::move(*item));
}

QuantizeSection readQuantize(Evaluator &ev) {
  QuantizeSection section;
  if (ev.session.program.section(SectionKind::Quantize).empty())
    return section;
  bool calibrates = false;
  forEachItem(ev, SectionKind::Quantize, [&](const Stmt &item, Scope &scope) {
    if (auto *s = llvm::dyn_cast<ast::Setting>(&item)) {
      auto setting = readWord(ev, *s->call, scope, SectionKind::Quantize,
                              {{"calibrate", "batches"}});
      calibrates = true;
      auto batches =
          setting ? integerArgument(ev, *setting, "batches", 1) : std::nullopt;
      if (batches) {
        section.batches = *batches;
        section.items.push_back(
            makeItem(SectionKind::Quantize, nullptr, *setting));
      }
    } else if (auto *r = llvm::dyn_cast<Rule>(&item)) {
      readQuantizer(ev, *r, scope, section);
    }
  });
  if (!ev.session.diagnostics.hasErrors())
    checkCoverage(ev, SectionKind::Quantize, section.rules, false);
  for (const RuleItem &rule : section.rules)
    if (!calibrates && section.readsHessian(rule)) {
      ev.error(rule.rule->what->range,
               "this quantiser reads a Hessian, but there is no "
               "calibrate(batches = …)");
      calibrates = true;
    }
  return section;
}

} // namespace pgc
