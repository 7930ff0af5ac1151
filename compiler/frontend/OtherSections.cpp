// The section `evaluate`: its words, rules and arguments are checked.
#include "compiler/frontend/Sections.h"

namespace pgc {

using namespace ast;

namespace {

class SectionReader {
public:
  explicit SectionReader(Evaluator &ev) : ev(ev) {}
  std::vector<SectionItem> items;
  std::vector<EvaluationInfo> evaluations;
  std::vector<AdaptSection> adapts;

  void evaluation();

private:
  void checkClip(const SettingArguments &clip);
  void stage(const Rule &rule, Scope &scope);
  AdaptSection optimizerRules(const Rule &rule, Scope &scope, bool ofAdapters);

  Evaluator &ev;
};

} // namespace

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
      adapt.clip = readWord(ev, *s->call, scope, SectionKind::Evaluate,
                            {{"clip_norm", "max"}});
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
  auto setting = readWord(ev, *rule.what, scope, SectionKind::Evaluate,
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
  items.push_back(makeItem(SectionKind::Evaluate, rule.who.get(), *setting));
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
  return {std::move(reader.items), std::move(reader.evaluations),
          std::move(reader.adapts)};
}

OtherSections readOtherSections(Evaluator &ev) {
  ev.pass.place = "quantize";
  std::vector<SectionItem> items = readQuantize(ev).items;
  ev.pass.place = "pack";
  llvm::append_range(items, readPack(ev).items);
  ev.pass.place = "evaluate";
  OtherSections others = readEvaluate(ev);
  others.items.insert(others.items.begin(), items.begin(), items.end());
  return others;
}

} // namespace pgc
