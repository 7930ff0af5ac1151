// Every parameter has a rule, and every rule has parameters.
#include "compiler/frontend/Sections.h"

namespace pgc {

static std::string describe(const Selector &s) {
  switch (s.kind) {
  case Selector::Kind::All:
    return "all";
  case Selector::Kind::Group:
    return "group '" + s.text + "'";
  case Selector::Kind::Glob:
    return "\"" + s.text + "\"";
  case Selector::Kind::Small:
    return "small(" + std::to_string(s.limit) + ")";
  }
  return "";
}

static void checkSelectors(Evaluator &ev, const std::vector<RuleItem> &rules) {
  const auto &parameters = ev.session.parameters.all();
  for (const RuleItem &rule : rules)
    for (const Selector &s : rule.who) {
      bool used = llvm::any_of(
          parameters, [&](const ParameterRecord &p) { return s.fits(p); });
      if (used)
        continue;
      std::vector<std::string> candidates;
      for (const ParameterRecord &p : parameters)
        candidates.push_back(s.kind == Selector::Kind::Group ? p.group
                                                             : p.name);
      std::string hint;
      if (s.kind == Selector::Kind::Group)
        hint = didYouMean(s.text, candidates);
      ev.error(rule.rule->who->range,
               describe(s) + " fits no parameter" + hint);
    }
}

void checkCoverage(Evaluator &ev, ast::SectionKind kind,
                   const std::vector<RuleItem> &rules, bool trainedOnly) {
  checkSelectors(ev, rules);
  std::map<std::string, std::vector<const ParameterRecord *>> uncovered;
  std::vector<std::string> order;
  for (const ParameterRecord &p : ev.session.parameters.all()) {
    if (trainedOnly && !p.trained)
      continue;
    if (llvm::any_of(rules, [&](const RuleItem &r) { return r.fits(p); }))
      continue;
    if (uncovered[p.group].empty())
      order.push_back(p.group);
    uncovered[p.group].push_back(&p);
  }
  std::string section = ast::spelling(kind);
  for (const std::string &group : order) {
    const auto &parameters = uncovered[group];
    size_t n = parameters.size();
    std::string names;
    for (size_t i = 0; i < n && i < 4; ++i)
      names += (i ? ", " : "") + parameters[i]->name;
    if (n > 4)
      names += ", …";
    const Dims &dims = parameters[0]->dims;
    bool sameShape = llvm::all_of(parameters, [&](const ParameterRecord *p) {
      return pgc::describe(p->dims, false) == pgc::describe(dims, false);
    });
    if (sameShape)
      names += " : " + pgc::describe(dims, false);
    SourceRange place =
        ev.session.program.section(kind).back().section->keywordRange;
    ev.error(parameters[0]->groupRange,
             "no rule of '" + section + "' covers " + std::to_string(n) +
                 (n == 1 ? " parameter" : " parameters") + " of group '" +
                 group + "'")
        .detail(names)
        .note(place, "the rules are here")
        .help("add a rule:  override " + section + " { inherited(); " + group +
              " => " +
              (kind == ast::SectionKind::Train ? "adamw(…)" : "half()") +
              "; }");
  }
}

} // namespace pgc
