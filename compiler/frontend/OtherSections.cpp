// Quantize, pack and evaluate: their words, rules and arguments are checked;
// what they mean is later work.
#include "compiler/frontend/AstPrinter.h"
#include "compiler/frontend/Sections.h"

namespace pgc {

using namespace ast;

namespace {

struct SettingWord {
  const char *name;
  const char *formals;
};

class SectionReader {
public:
  explicit SectionReader(Evaluator &ev) : ev(ev) {}
  std::vector<SectionItem> items;
  std::vector<EvaluationInfo> evaluations;
  std::vector<AdaptSection> adapts;

  void quantize();
  void pack();
  void evaluation();

private:
  std::optional<SettingArguments> word(const Call &call, Scope &scope,
                                       SectionKind kind,
                                       llvm::ArrayRef<SettingWord> words);
  void keep(SectionKind kind, const ast::Expr *who, const Call &call,
            const std::map<std::string, std::string> &arguments);
  void keep(SectionKind kind, const ast::Expr *who,
            const SettingArguments &setting);
  void quantizeRule(const Rule &rule, Scope &scope);
  void overCap(const SettingArguments &setting, Scope &scope);
  void checkClip(const SettingArguments &clip);
  void stage(const Rule &rule, Scope &scope);
  AdaptSection optimizerRules(const Rule &rule, Scope &scope, bool ofAdapters);

  Evaluator &ev;
  std::vector<RuleItem> quantizers;
};

} // namespace

std::optional<SettingArguments>
SectionReader::word(const Call &call, Scope &scope, SectionKind kind,
                    llvm::ArrayRef<SettingWord> words) {
  std::string name = call.calleeName();
  std::vector<std::string> names;
  for (const SettingWord &w : words) {
    if (name == w.name)
      return readSetting(ev, call, scope, w.formals);
    names.push_back(w.name);
  }
  std::string list;
  for (const SettingWord &w : words)
    list +=
        std::string(list.empty() ? "" : ", ") + w.name + "(" + w.formals + ")";
  ev.error(call.callee->range, std::string("'") + spelling(kind) +
                                   "' has no word '" + name + "'" +
                                   didYouMean(name, names))
      .help("it has " + list);
  return std::nullopt;
}

void SectionReader::keep(SectionKind kind, const ast::Expr *who,
                         const Call &call,
                         const std::map<std::string, std::string> &arguments) {
  SectionItem item;
  item.section = spelling(kind);
  item.who = who ? print(*who) : "";
  item.what = call.calleeName();
  item.arguments.assign(arguments.begin(), arguments.end());
  items.push_back(std::move(item));
}

void SectionReader::keep(SectionKind kind, const ast::Expr *who,
                         const SettingArguments &setting) {
  std::map<std::string, std::string> arguments;
  for (auto &[name, argument] : setting.arguments)
    arguments[name] = argument.value.isPoison() ? print(*argument.expr)
                                                : describe(argument.value);
  keep(kind, who, *setting.call, arguments);
}

// ---- quantize

void SectionReader::quantizeRule(const Rule &rule, Scope &scope) {
  if (rule.items) {
    ev.error(rule.items->range, "a rule of 'quantize' has no block");
    return;
  }
  auto who = readWho(ev, *rule.who, scope);
  std::optional<RuleItem> item;
  if (rule.what->calleeName() == "drop") {
    if (auto setting = readSetting(ev, *rule.what, scope, ""))
      item = RuleItem{&rule, {}, Value(), {}};
  } else {
    item = readRule(ev, rule, scope, {"p", "h"});
  }
  if (!who || !item)
    return;
  item->who = std::move(*who);
  std::map<std::string, std::string> arguments;
  for (const Actual &actual : item->actuals) {
    if (actual.value.isStep())
      ev.notKnown(actual.range, actual.value, "an argument of a quantiser");
    arguments[actual.name.str()] = describe(actual.value);
  }
  keep(SectionKind::Quantize, rule.who.get(), *rule.what, arguments);
  quantizers.push_back(std::move(*item));
}

void SectionReader::quantize() {
  if (ev.session.program.section(SectionKind::Quantize).empty())
    return;
  bool calibrates = false;
  forEachItem(ev, SectionKind::Quantize, [&](const Stmt &item, Scope &scope) {
    if (auto *s = llvm::dyn_cast<ast::Setting>(&item)) {
      auto setting = word(*s->call, scope, SectionKind::Quantize,
                          {{"calibrate", "batches"}});
      calibrates = true;
      if (setting && integerArgument(ev, *setting, "batches", 1))
        keep(SectionKind::Quantize, nullptr, *setting);
    } else if (auto *r = llvm::dyn_cast<Rule>(&item)) {
      quantizeRule(*r, scope);
    }
  });
  if (!ev.session.diagnostics.hasErrors())
    checkCoverage(ev, SectionKind::Quantize, quantizers, false);
  // Hessians are collected for rules that ask for them.
  for (const RuleItem &rule : quantizers) {
    if (calibrates || !rule.function.isFunction())
      continue;
    for (const Formal &formal : rule.function.asFunction().fn->formals)
      if (formal.name.text == "h") {
        ev.error(rule.rule->what->range,
                 "this quantiser reads a Hessian, but there is no "
                 "calibrate(batches = …)");
        calibrates = true;
      }
  }
}

// ---- pack

/// cap(bytes, otherwise = solve(name) or zero_ones(codes_per_excess_byte))
void SectionReader::overCap(const SettingArguments &setting, Scope &scope) {
  const auto &otherwise = setting["otherwise"];
  auto *call = llvm::dyn_cast<Call>(otherwise.expr);
  std::string name = call ? call->calleeName() : "";
  if (name == "zero_ones") {
    if (auto inner = readSetting(ev, *call, scope, "codes_per_excess_byte"))
      numberArgument(ev, *inner, "codes_per_excess_byte", false);
    return;
  }
  if (name != "solve") {
    ev.error(otherwise.range, "over the cap there is solve(name) or "
                              "zero_ones(codes_per_excess_byte)");
    return;
  }
  auto *constant = call->arguments.size() == 1
                       ? llvm::dyn_cast<Name>(call->arguments[0].value.get())
                       : nullptr;
  const Symbol *symbol =
      constant ? ev.session.program.lookup(constant->text) : nullptr;
  if (symbol && symbol->kind == SymbolKind::Constant) {
    ev.requireNumber(ev.symbolValue(*symbol, constant->range), constant->range,
                     "what solve raises");
    return;
  }
  ev.error(call->range,
           "solve takes the name of a constant" +
               (constant ? didYouMean(constant->text, ev.session.program.names(
                                                          SymbolKind::Constant))
                         : std::string()));
}

void SectionReader::pack() {
  forEachItem(ev, SectionKind::Pack, [&](const Stmt &item, Scope &scope) {
    auto *s = llvm::dyn_cast<ast::Setting>(&item);
    if (!s) {
      ev.error(item.range, "'pack' has settings only");
      return;
    }
    auto setting = word(*s->call, scope, SectionKind::Pack,
                        {{"base3", ""},
                         {"shuffle", "stride"},
                         {"brotli", "quality"},
                         {"zlib", "level"},
                         {"lzma", "level"},
                         {"cap", "bytes, otherwise?"}});
    if (!setting)
      return;
    for (const char *name : {"stride", "quality", "level", "bytes"}) {
      if (!setting->has(name))
        continue;
      std::string key = name;
      int64_t least = key == "stride" || key == "bytes" ? 1 : 0;
      auto n = integerArgument(ev, *setting, key, least);
      int64_t most = key == "quality" ? 11 : key == "level" ? 9 : INT64_MAX;
      if (n && *n > most)
        ev.error((*setting)[key].range,
                 "'" + key + "' is at most " + std::to_string(most));
    }
    if (setting->has("otherwise"))
      overCap(*setting, scope);
    keep(SectionKind::Pack, nullptr, *setting);
  });
}

// ---- evaluate

AdaptSection SectionReader::optimizerRules(const Rule &rule, Scope &outer,
                                           bool ofAdapters) {
  AdaptSection adapt;
  if (!rule.items) {
    ev.error(rule.what->range, "'" + rule.what->calleeName() +
                                   "' needs a block of optimiser rules");
    return adapt;
  }
  Scope &scope = ev.newScope(&outer);
  for (const StmtPtr &item : rule.items->statements) {
    if (auto *let = llvm::dyn_cast<Let>(item.get())) {
      ev.runLet(*let, scope);
    } else if (auto *s = llvm::dyn_cast<ast::Setting>(item.get())) {
      adapt.clip =
          word(*s->call, scope, SectionKind::Evaluate, {{"clip_norm", "max"}});
      if (adapt.clip)
        checkClip(*adapt.clip);
    } else if (auto *r = llvm::dyn_cast<Rule>(item.get())) {
      auto who = readWho(ev, *r->who, scope);
      auto read = readRule(ev, *r, scope, {"p", "g"});
      if (!who || !read)
        continue;
      read->who = std::move(*who);
      adapt.rules.push_back(std::move(*read));
    } else {
      ev.error(item->range, "this cannot stand in a block of optimiser rules");
    }
  }
  if (ofAdapters)
    return adapt; // its parameters are declared when documents are evaluated
  for (const RuleItem &item : adapt.rules) {
    bool used =
        llvm::any_of(ev.session.parameters.all(),
                     [&](const ParameterRecord &p) { return item.fits(p); });
    if (!used)
      ev.error(item.rule->who->range, "this fits no parameter");
  }
  if (adapt.rules.empty())
    ev.error(rule.items->range, "without a rule nothing is trained: all => "
                                "sgd(…);");
  return adapt;
}

void SectionReader::checkClip(const SettingArguments &clip) {
  const auto &max = clip["max"];
  if (max.value.isNumber())
    numberArgument(ev, clip, "max", false);
  else if (!max.value.isStep())
    ev.error(max.range, "'max' is a number or a step value; this is " +
                            max.value.kindName().str());
}

void SectionReader::stage(const Rule &rule, Scope &scope) {
  auto *who = llvm::dyn_cast<Name>(rule.who.get());
  if (!who || (who->text != "trained" && who->text != "quantized")) {
    ev.error(rule.who->range, "a rule of 'evaluate' is for a stage: 'trained' "
                              "or 'quantized'");
    return;
  }
  auto setting = word(*rule.what, scope, SectionKind::Evaluate,
                      {{"chunked", "seq"},
                       {"sliding", "seq, stride"},
                       {"ttt", "seq, stride, chunk, epochs, sequences"},
                       {"documents", "context, chunk, rows"}});
  if (!setting)
    return;
  std::map<std::string, int64_t> values;
  for (auto &[name, argument] : setting->arguments)
    if (auto n = integerArgument(ev, *setting, name, 1))
      values[name] = *n;
  if (values.count("stride") && values.count("seq") &&
      values["stride"] > values["seq"])
    ev.error((*setting)["stride"].range,
             "the stride (" + std::to_string(values["stride"]) +
                 ") is longer than a sequence (" +
                 std::to_string(values["seq"]) + ")")
        .defines(*(*setting)["stride"].expr)
        .defines(*(*setting)["seq"].expr);
  std::string kind = rule.what->calleeName();
  adapts.emplace_back();
  if (kind == "ttt" || kind == "documents")
    adapts.back() = optimizerRules(rule, scope, kind == "documents");
  else if (rule.items)
    ev.error(rule.items->range, "'" + kind + "' has no block");
  keep(SectionKind::Evaluate, rule.who.get(), *setting);
  evaluations.push_back({who->text, kind,
                         values[kind == "documents" ? "context" : "seq"],
                         values["stride"], values["chunk"], values["epochs"],
                         values["sequences"]});
}

void SectionReader::evaluation() {
  forEachItem(ev, SectionKind::Evaluate, [&](const Stmt &item, Scope &scope) {
    if (auto *rule = llvm::dyn_cast<Rule>(&item))
      stage(*rule, scope);
    else
      ev.error(item.range, "'evaluate' has rules only: trained => "
                           "chunked(seq = …);");
  });
}

OtherSections readEvaluate(Evaluator &ev) {
  SectionReader reader(ev);
  reader.evaluation();
  return {{}, std::move(reader.evaluations), std::move(reader.adapts)};
}

OtherSections readOtherSections(Evaluator &ev) {
  SectionReader reader(ev);
  for (auto [kind, read, place] :
       {std::tuple(SectionKind::Quantize, &SectionReader::quantize, "quantize"),
        std::tuple(SectionKind::Pack, &SectionReader::pack, "pack"),
        std::tuple(SectionKind::Evaluate, &SectionReader::evaluation,
                   "evaluate")}) {
    ev.pass.place = place;
    (reader.*read)();
  }
  return {std::move(reader.items), std::move(reader.evaluations),
          std::move(reader.adapts)};
}

} // namespace pgc
