#include "compiler/frontend/Phases.h"
#include "compiler/frontend/Evaluator.h"
#include <cmath>

namespace pgc {

using namespace ast;

/// The lets of `train` that the conditions are computed from: others may read
/// switches, which have no value here.
static std::set<const Let *> findNeeded(const SourceProgram &program) {
  std::set<std::string> names;
  std::set<const Let *> needed;
  auto read = [&](const Expr &expr) {
    std::vector<std::string> found;
    collectNames(expr, found);
    names.insert(found.begin(), found.end());
  };
  const auto &items = program.items(SectionKind::Train);
  for (const Stmt *item : llvm::reverse(items)) {
    if (auto *s = llvm::dyn_cast<Switch>(item))
      read(*s->condition);
    auto *let = llvm::dyn_cast<Let>(item);
    if (!let || !llvm::any_of(let->targets, [&](const Identifier &target) {
          return names.count(target.text);
        }))
      continue;
    needed.insert(let);
    read(*let->value);
  }
  return needed;
}

static void readLevel(Evaluator &ev, const std::set<const Let *> &needed,
                      int level, std::vector<Value> &conditions) {
  const auto &stack = ev.session.program.section(SectionKind::Train);
  Scope &scope = ev.newScope(nullptr);
  for (const StmtPtr &item : stack[level].section->body.statements) {
    if (auto *let = llvm::dyn_cast<Let>(item.get()); let && needed.count(let))
      ev.runLet(*let, scope);
    if (llvm::isa<Inherited>(*item) && level > 0)
      readLevel(ev, needed, level - 1, conditions);
    auto *s = llvm::dyn_cast<Switch>(item.get());
    if (!s)
      continue;
    Value value = ev.evaluate(*s->condition, scope);
    if (!value.isNumber() && !value.isStep() && !value.isPoison())
      value = ev.error(s->condition->range,
                       "a switch's condition is a step value, as progress >= "
                       "0.35; this is " +
                           value.kindName().str());
    for (auto [i, declared] : llvm::enumerate(ev.session.switches))
      if (declared == s)
        conditions[i] = value;
  }
}

std::vector<Value> evaluateSwitches(Session &session) {
  std::vector<Value> conditions(session.switches.size());
  int levels = session.program.section(SectionKind::Train).size();
  if (levels == 0 || conditions.empty())
    return conditions;
  Pass pass;
  pass.hasSwitches = false;
  pass.place = "train";
  mlir::Block scratch;
  Evaluator ev(session, pass, &scratch);
  readLevel(ev, findNeeded(session.program), levels - 1, conditions);
  return conditions;
}

std::string phaseName(const Session &session, const std::vector<bool> &on) {
  std::string name;
  for (size_t i = 0; i < on.size(); ++i)
    if (on[i])
      name += (name.empty() ? "" : "+") + session.switches[i]->name.text;
  return name.empty() ? "plain" : name;
}

std::optional<std::vector<bool>> parsePhase(const Session &session,
                                            llvm::StringRef name) {
  std::vector<bool> on(session.switches.size(), false);
  if (name == "plain")
    return on;
  llvm::SmallVector<llvm::StringRef> parts;
  name.split(parts, '+');
  for (llvm::StringRef part : parts) {
    size_t i = 0;
    while (i < on.size() && session.switches[i]->name.text != part)
      ++i;
    if (i == on.size())
      return std::nullopt;
    on[i] = true;
  }
  return on;
}

/// Sorted, without repetitions.
static std::vector<double> sorted(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

std::vector<Phase> findPhases(Session &session,
                              const std::vector<Value> &conditions) {
  size_t count = conditions.size();
  std::vector<const StepExpr *> exprs;
  std::vector<double> thresholds;
  for (const Value &v : conditions) {
    exprs.push_back(v.isStep() ? v.asStep()
                               : session.steps.constant(v.asDouble()));
    collectThresholds(exprs.back(), thresholds);
  }
  // Conditions can change at their constants, and little in between.
  std::vector<double> progress{0, 1}, step{0, 1};
  for (int i = 1; i < 64; ++i)
    progress.push_back(i / 64.0);
  for (double s = 2; s < 1e7; s *= 4)
    step.push_back(s);
  for (double t : thresholds) {
    for (double at : {t - 1e-9, t, t + 1e-9})
      if (at >= 0 && at <= 1)
        progress.push_back(at);
    for (double at : {std::ceil(t) - 1, std::ceil(t), std::floor(t) + 1})
      if (at >= 0 && at < 1e12)
        step.push_back(at);
  }
  progress = sorted(progress);
  step = sorted(step);

  // Switches stay on: which sets of them are met on the way to each point.
  std::vector<std::set<uint32_t>> row(step.size());
  std::set<uint32_t> met;
  for (size_t i = 0; i < progress.size(); ++i) {
    for (size_t j = 0; j < step.size(); ++j) {
      uint32_t on = 0;
      for (size_t k = 0; k < count; ++k)
        if (evaluate(exprs[k], step[j], progress[i]) != 0)
          on |= 1u << k;
      std::set<uint32_t> here;
      for (uint32_t before : row[j]) // from the row above
        here.insert(before | on);
      if (j > 0)
        for (uint32_t before : row[j - 1])
          here.insert(before | on);
      if (i == 0 && j == 0)
        here.insert(on);
      met.insert(here.begin(), here.end());
      row[j] = std::move(here);
    }
  }
  uint32_t all = count == 32 ? ~0u : (1u << count) - 1;
  std::vector<uint32_t> order(met.begin(), met.end());
  std::sort(order.begin(), order.end(), [](uint32_t a, uint32_t b) {
    return std::make_pair(__builtin_popcount(a), a) <
           std::make_pair(__builtin_popcount(b), b);
  });
  bool allTrains = met.count(all);
  if (!allTrains)
    order.push_back(all);
  std::vector<Phase> phases;
  for (uint32_t mask : order) {
    Phase phase;
    for (size_t k = 0; k < count; ++k)
      phase.switches.push_back(mask >> k & 1);
    phase.name = phaseName(session, phase.switches);
    phase.trains = mask != all || allTrains;
    phases.push_back(std::move(phase));
  }
  return phases;
}

} // namespace pgc
