#include "compiler/frontend/Sections.h"
#include "compiler/frontend/Glob.h"

namespace pgc {

using namespace ast;
using llvm::StringRef;

bool Selector::fits(const ParameterRecord &p) const {
  switch (kind) {
  case Kind::All:
    return true;
  case Kind::Group:
    return p.group == text;
  case Kind::Glob:
    return matchesGlob(text, p.name);
  case Kind::Small:
    return *countElements(p.dims) <= limit;
  }
  return false;
}

bool RuleItem::fits(const ParameterRecord &p) const {
  return llvm::any_of(who, [&](const Selector &s) { return s.fits(p); });
}

static void forEachItem(Evaluator &ev, SectionKind kind, int level,
                        const std::function<void(const Stmt &, Scope &)> &f) {
  const auto &stack = ev.session.program.section(kind);
  Scope &scope = ev.newScope(nullptr);
  for (const StmtPtr &item : stack[level].section->body.statements) {
    if (auto *let = llvm::dyn_cast<Let>(item.get()))
      ev.runLet(*let, scope);
    else if (llvm::isa<Inherited>(*item)) {
      if (level > 0)
        forEachItem(ev, kind, level - 1, f);
    } else
      f(*item, scope);
  }
}

void forEachItem(Evaluator &ev, SectionKind kind,
                 const std::function<void(const Stmt &, Scope &)> &f) {
  int levels = ev.session.program.section(kind).size();
  if (levels > 0)
    forEachItem(ev, kind, levels - 1, f);
}

std::optional<SettingArguments> readSetting(Evaluator &ev, const Call &call,
                                            Scope &scope, StringRef formals) {
  std::string word = call.calleeName();
  llvm::SmallVector<StringRef> parts;
  formals.split(parts, ", ", -1, false);
  std::vector<std::string> names;
  std::vector<bool> optional;
  for (StringRef part : parts) {
    optional.push_back(part.consume_back("?"));
    names.push_back(part.str());
  }
  SettingArguments setting;
  setting.call = &call;
  bool good = true;
  size_t position = 0;
  for (const Argument &argument : call.arguments) {
    SourceRange range = argument.value->range;
    std::string name = argument.name.text;
    if (!argument.isNamed()) {
      if (position >= names.size()) {
        ev.error(range, "'" + word + "' takes " + std::to_string(names.size()) +
                            " arguments");
        return std::nullopt;
      }
      name = names[position++];
    } else if (llvm::find(names, name) == names.end()) {
      ev.error(argument.name.range, "'" + word + "' has no argument '" + name +
                                        "'" + didYouMean(name, names));
      good = false;
      continue;
    }
    if (setting.has(name)) {
      ev.error(range, "'" + name + "' is given twice");
      good = false;
      continue;
    }
    // solve(…) and zero_ones(…) are no functions: their own readers see them.
    auto *inner = llvm::dyn_cast<Call>(argument.value.get());
    bool special = inner && (inner->calleeName() == "solve" ||
                             inner->calleeName() == "zero_ones");
    Value value = special ? Value() : ev.evaluate(*argument.value, scope);
    good = good && (special || !value.isPoison());
    setting.arguments[name] = {value, range, argument.value.get()};
  }
  for (size_t i = 0; i < names.size(); ++i)
    if (!optional[i] && !setting.has(names[i])) {
      // Several may be missing in one place.
      Report(ev,
             ev.session.diagnostics.error(
                 call.range, "'" + word + "' needs the argument '" + names[i] +
                                 "': settings have no defaults"));
      good = false;
    }
  if (!good)
    return std::nullopt;
  return setting;
}

/// `embed`, `all`, "blocks.*", small(n).
static bool addSelector(Evaluator &ev, const Expr &expr, Scope &scope,
                        std::vector<Selector> &who) {
  if (auto *name = llvm::dyn_cast<Name>(&expr)) {
    bool all = name->text == "all";
    who.push_back(
        {all ? Selector::Kind::All : Selector::Kind::Group, name->text});
    return true;
  }
  if (auto *text = llvm::dyn_cast<String>(&expr)) {
    auto glob = ev.format(*text, scope);
    if (glob)
      who.push_back({Selector::Kind::Glob, *glob});
    return glob.has_value();
  }
  if (auto *list = llvm::dyn_cast<ast::List>(&expr)) {
    bool good = true;
    for (const ExprPtr &element : list->elements)
      good &= addSelector(ev, *element, scope, who);
    return good;
  }
  if (auto *call = llvm::dyn_cast<Call>(&expr);
      call && call->calleeName() == "small") {
    auto setting = readSetting(ev, *call, scope, "n");
    auto n = setting ? integerArgument(ev, *setting, "n", 0) : std::nullopt;
    if (n)
      who.push_back({Selector::Kind::Small, "", *n});
    return n.has_value();
  }
  if (llvm::isa<Comprehension>(expr)) {
    Value value = ev.evaluate(expr, scope);
    if (value.isPoison())
      return false;
    for (const Value &element : value.asList()) {
      if (!element.isString()) {
        ev.error(expr.range, "a list that selects parameters holds globs; "
                             "this one holds " +
                                 element.kindName().str());
        return false;
      }
      who.push_back({Selector::Kind::Glob, element.asString()});
    }
    return true;
  }
  ev.error(expr.range, "parameters are selected by a group, a \"glob.*\", a "
                       "list of them, small(n) or all");
  return false;
}

std::optional<std::vector<Selector>> readWho(Evaluator &ev, const Expr &who,
                                             Scope &scope) {
  std::vector<Selector> selectors;
  if (!addSelector(ev, who, scope, selectors))
    return std::nullopt;
  return selectors;
}

std::optional<RuleItem> readRule(Evaluator &ev, const Rule &rule, Scope &scope,
                                 llvm::ArrayRef<StringRef> filled) {
  RuleItem item;
  item.rule = &rule;
  const Call &call = *rule.what;
  item.function = ev.evaluate(*call.callee, scope);
  if (item.function.isPoison())
    return std::nullopt;
  bool user = item.function.isFunction() &&
              item.function.asFunction().kind == Function::Kind::User;
  if (!user) {
    ev.error(call.callee->range, "a rule calls a function of the program; "
                                 "this is " +
                                     item.function.kindName().str());
    return std::nullopt;
  }
  const Fn &fn = *item.function.asFunction().fn;
  auto isFilled = [&](const std::string &name) {
    return llvm::find(filled, name) != filled.end();
  };
  std::vector<std::string> open; // formals that the rule may give
  for (const Formal &formal : fn.formals)
    if (!isFilled(formal.name.text))
      open.push_back(formal.name.text);
  bool good = true;
  std::set<std::string> given;
  for (const Argument &argument : call.arguments) {
    if (!argument.isNamed()) {
      ev.error(argument.value->range, "the arguments of a rule go by name");
      good = false;
      continue;
    }
    const std::string &name = argument.name.text;
    bool known = llvm::find(open, name) != open.end();
    if (isFilled(name))
      ev.error(argument.name.range, "'" + name + "' is filled in by the rule");
    else if (!known)
      ev.error(argument.name.range, "'" + fn.name.text +
                                        "' has no parameter '" + name + "'" +
                                        didYouMean(name, open))
          .note(fn.name.range, "defined here");
    else if (!given.insert(name).second)
      ev.error(argument.name.range, "'" + name + "' is given twice");
    good &= known;
    Value value = ev.evaluate(*argument.value, scope);
    good &= !value.isPoison();
    item.actuals.push_back({name, value, argument.value->range});
  }
  for (const std::string &name : open)
    if (!given.count(name)) {
      Report(ev, ev.session.diagnostics.error(
                     call.range, "'" + fn.name.text + "' needs the argument '" +
                                     name + "'"))
          .note(fn.name.range, "defined here");
      good = false;
    }
  if (!good)
    return std::nullopt;
  return item;
}

std::optional<int64_t> integerArgument(Evaluator &ev,
                                       const SettingArguments &setting,
                                       const std::string &name, int64_t least) {
  const SettingArguments::Argument &argument = setting[name];
  auto n = ev.requireInteger(argument.value, argument.range, "'" + name + "'");
  if (!n || *n >= least)
    return n;
  ev.error(argument.range, "'" + name + "' is at least " +
                               std::to_string(least) + "; this is " +
                               std::to_string(*n))
      .defines(*argument.expr);
  return std::nullopt;
}

std::optional<double> numberArgument(Evaluator &ev,
                                     const SettingArguments &setting,
                                     const std::string &name, bool zero) {
  const SettingArguments::Argument &argument = setting[name];
  auto x = ev.requireNumber(argument.value, argument.range, "'" + name + "'");
  if (!x || *x > 0 || (zero && *x == 0))
    return x;
  ev.error(argument.range, "'" + name + "' is " +
                               (zero ? "not negative" : "above 0") +
                               "; this is " + describe(argument.value))
      .defines(*argument.expr);
  return std::nullopt;
}

} // namespace pgc
