// What `train` says: data, batch, budget, clipping, rules.
#include "compiler/frontend/Sections.h"

namespace pgc {

using namespace ast;

namespace {
class TrainReader {
public:
  explicit TrainReader(Evaluator &ev) : ev(ev) {}
  std::optional<TrainSection> read();

private:
  void setting(const ast::Setting &item, Scope &scope);
  void rule(const Rule &item, Scope &scope);
  void finish();
  void require(const std::optional<SettingArguments> &found, const char *word);

  Evaluator &ev;
  TrainSection train;
  std::optional<SettingArguments> data, batch, budget;
};
} // namespace

void TrainReader::setting(const ast::Setting &item, Scope &scope) {
  const Call &call = *item.call;
  std::string word = call.calleeName();
  if (word == "data")
    data = readSetting(ev, call, scope, "name, seq, order");
  else if (word == "batch")
    batch = readSetting(ev, call, scope, "tokens, parts");
  else if (word == "clip_norm")
    train.clip = readSetting(ev, call, scope, "max");
  else if (word == "budget") {
    bool steps = llvm::any_of(call.arguments, [](const Argument &a) {
      return a.name.text == "steps";
    });
    budget = readSetting(ev, call, scope, steps ? "steps" : "seconds, reserve");
  } else
    ev.error(call.callee->range,
             "'train' has no setting '" + word + "'" +
                 didYouMean(word, {"data", "batch", "budget", "clip_norm"}))
        .help("it has data(name, seq, order), batch(tokens, parts), "
              "budget(seconds, reserve) or budget(steps), clip_norm(max)");
}

void TrainReader::rule(const Rule &item, Scope &scope) {
  auto *who = llvm::dyn_cast<Name>(item.who.get());
  if (item.items) {
    ev.error(item.items->range, "a rule of 'train' has no block");
    return;
  }
  if (who && who->text == "average") {
    train.average = readRule(ev, item, scope, {"a", "p"});
    return;
  }
  auto selectors = readWho(ev, *item.who, scope);
  auto rule = readRule(ev, item, scope, {"p", "g"});
  if (!selectors || !rule)
    return;
  rule->who = std::move(*selectors);
  train.rules.push_back(std::move(*rule));
}

void TrainReader::require(const std::optional<SettingArguments> &found,
                          const char *word) {
  if (found)
    return;
  SourceRange place = ev.session.program.section(SectionKind::Train)
                          .back()
                          .section->keywordRange;
  Report(ev, ev.session.diagnostics.error(
                 place, std::string("'train' needs the setting '") + word +
                            "': settings have no defaults"));
}

void TrainReader::finish() {
  require(data, "data");
  require(batch, "batch");
  require(budget, "budget");
  TrainSettings &s = train.settings;
  if (data) {
    const auto &name = (*data)["name"], &order = (*data)["order"];
    if (name.value.isString())
      s.dataName = name.value.asString();
    else
      ev.error(name.range, "the data's name is a string");
    std::vector<std::string> orders{"shuffled", "sequential", "coprime"};
    if (order.value.isString() &&
        llvm::find(orders, order.value.asString()) != orders.end())
      s.order = order.value.asString();
    else
      ev.error(order.range,
               "the order is \"shuffled\", \"sequential\" or \"coprime\"");
    s.seq = integerArgument(ev, *data, "seq", 1).value_or(0);
  }
  if (batch) {
    s.batchTokens = integerArgument(ev, *batch, "tokens", 1).value_or(0);
    s.parts = integerArgument(ev, *batch, "parts", 1).value_or(0);
  }
  if (s.seq > 0 && s.batchTokens > 0 && s.parts > 0) {
    int64_t unit;
    if (__builtin_mul_overflow(s.seq, s.parts, &unit) ||
        s.batchTokens % unit != 0) {
      const auto &tokens = (*batch)["tokens"];
      ev.error(tokens.range,
               "a batch of " + std::to_string(s.batchTokens) +
                   " tokens is not a multiple of " + std::to_string(s.parts) +
                   " parts of sequences of " + std::to_string(s.seq))
          .defines(*tokens.expr)
          .defines(*(*data)["seq"].expr)
          .defines(*(*batch)["parts"].expr)
          .help("every part has the same number of whole sequences");
    }
  }
  if (budget && budget->has("steps")) {
    s.steps = integerArgument(ev, *budget, "steps", 1).value_or(0);
  } else if (budget) {
    s.seconds = numberArgument(ev, *budget, "seconds", false).value_or(0);
    s.reserve = numberArgument(ev, *budget, "reserve", true).value_or(0);
    if (s.seconds > 0 && s.reserve >= s.seconds)
      ev.error((*budget)["reserve"].range,
               "the reserve (" + describe(s.reserve) + ") leaves nothing of " +
                   describe(s.seconds) + " seconds")
          .defines(*(*budget)["reserve"].expr)
          .defines(*(*budget)["seconds"].expr);
  }
  if (train.clip) {
    const auto &max = (*train.clip)["max"];
    if (max.value.isNumber())
      s.clipNorm = numberArgument(ev, *train.clip, "max", false).value_or(0);
    else if (!max.value.isStep())
      ev.error(max.range, "'max' is a number or a step value; this is " +
                              max.value.kindName().str());
  }
  if (train.rules.empty())
    ev.error(ev.session.program.section(SectionKind::Train)
                 .back()
                 .section->keywordRange,
             "'train' has no rule: matrix => muon(…);");
}

std::optional<TrainSection> TrainReader::read() {
  unsigned errors = ev.session.diagnostics.numErrors();
  forEachItem(ev, SectionKind::Train, [&](const Stmt &item, Scope &scope) {
    if (auto *s = llvm::dyn_cast<ast::Setting>(&item))
      setting(*s, scope);
    else if (auto *r = llvm::dyn_cast<Rule>(&item))
      rule(*r, scope);
  });
  // What went wrong above would be met again as something that is missing.
  if (ev.session.diagnostics.numErrors() == errors)
    finish();
  if (ev.session.diagnostics.numErrors() != errors)
    return std::nullopt;
  return std::move(train);
}

std::optional<TrainSection> readTrain(Evaluator &ev) {
  return TrainReader(ev).read();
}

} // namespace pgc
