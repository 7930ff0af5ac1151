// The items of train, quantize, pack and evaluate: settings, rules, selectors.
#pragma once

#include "compiler/frontend/Evaluator.h"
#include "compiler/frontend/Frontend.h"

namespace pgc {

/// Which parameters a rule is for.
struct Selector {
  enum class Kind { All, Group, Glob, Small } kind;
  std::string text;  // group or glob
  int64_t limit = 0; // Small: at most so many elements
  bool fits(const ParameterRecord &parameter) const;
};

/// A rule with its arguments evaluated.
struct RuleItem {
  const ast::Rule *rule = nullptr;
  std::vector<Selector> who; // any of them
  Value function;
  std::vector<Actual> actuals;
  std::string text; // of a quantiser: "gptq_sdclip(bits = 6, k = 12.85)"
  bool fits(const ParameterRecord &parameter) const;
};

/// The arguments of a setting by name.
struct SettingArguments {
  const ast::Call *call = nullptr;
  struct Argument {
    Value value;
    SourceRange range;
    const ast::Expr *expr = nullptr;
  };
  std::map<std::string, Argument> arguments;
  bool has(const std::string &name) const { return arguments.count(name); }
  const Argument &operator[](const std::string &name) const {
    return arguments.at(name);
  }
};

/// Calls `f` for each item of a section but its lets, which it evaluates; where
/// `inherited();` stands, for the items of the section below.
void forEachItem(Evaluator &ev, ast::SectionKind kind,
                 const std::function<void(const ast::Stmt &, Scope &)> &f);

/// Evaluates a setting's arguments. `formals` as for words: "seq, order?".
std::optional<SettingArguments> readSetting(Evaluator &ev,
                                            const ast::Call &call, Scope &scope,
                                            llvm::StringRef formals);
/// Evaluates a rule's selector, or nothing after an error.
std::optional<std::vector<Selector>>
readWho(Evaluator &ev, const ast::Expr &who, Scope &scope);
/// Evaluates a rule's function and arguments. The function's parameters named
/// in `filled` get their values later.
std::optional<RuleItem> readRule(Evaluator &ev, const ast::Rule &rule,
                                 Scope &scope,
                                 llvm::ArrayRef<llvm::StringRef> filled);

/// An argument that is a whole number of at least `least`.
std::optional<int64_t> integerArgument(Evaluator &ev,
                                       const SettingArguments &setting,
                                       const std::string &name, int64_t least);
/// An argument that is a number above 0, or at least 0 with `zero`.
std::optional<double> numberArgument(Evaluator &ev,
                                     const SettingArguments &setting,
                                     const std::string &name, bool zero);

/// Reports selectors that fit no parameter, and parameters without a rule.
void checkCoverage(Evaluator &ev, ast::SectionKind kind,
                   const std::vector<RuleItem> &rules, bool trainedOnly);

/// What `train` says.
struct TrainSection {
  TrainSettings settings;
  std::optional<SettingArguments> clip; // its `max` may be a step value
  std::vector<RuleItem> rules;
  std::optional<RuleItem> average;
};
/// Evaluates `train`; reports what is missing. Nothing after an error.
std::optional<TrainSection> readTrain(Evaluator &ev);

/// A word of quantize, pack or evaluate: its formals are written as for
/// readSetting.
struct SettingWord {
  const char *name;
  const char *formals;
};
/// Evaluates the arguments of a call of one of `words`; nothing after an error.
std::optional<SettingArguments> readWord(Evaluator &ev, const ast::Call &call,
                                         Scope &scope, ast::SectionKind kind,
                                         llvm::ArrayRef<SettingWord> words);

/// An item as users of the program see it. `who` is null for settings.
SectionItem makeItem(ast::SectionKind kind, const ast::Expr *who,
                     const ast::Call &call,
                     const std::map<std::string, std::string> &arguments);
SectionItem makeItem(ast::SectionKind kind, const ast::Expr *who,
                     const SettingArguments &setting);

/// What `quantize` says. A rule without a function drops its parameters.
struct QuantizeSection {
  int64_t batches = 0; // that Hessians are collected over; 0 if not given
  std::vector<RuleItem> rules;
  std::vector<SectionItem> items; // those of the rules come in their order
  bool readsHessian(const RuleItem &rule) const;
  /// The rule that decides on a parameter; null if none does.
  const RuleItem *ruleOf(const ParameterRecord &parameter) const;
};
/// Evaluates `quantize`, and checks that its rules cover all parameters.
QuantizeSection readQuantize(Evaluator &ev);

/// What `pack` says.
struct PackSection {
  struct Codec {
    std::string name;
    int64_t argument = 0; // stride, quality or level
  };
  std::vector<Codec> codecs;
  int64_t cap = 0;               // bytes; 0: none
  const Symbol *solve = nullptr; // the constant to raise where it does not fit
  double zeroOnes = 0; // codes to zero for each byte of excess; 0: none
  std::vector<SectionItem> items;
};
/// Evaluates `pack`.
PackSection readPack(Evaluator &ev);

/// What the block of an item of `evaluate` says: how its test-time training
/// changes parameters.
struct AdaptSection {
  std::optional<SettingArguments> clip; // its `max` may be a step value
  std::vector<RuleItem> rules;
};

/// Quantize, pack and evaluate.
struct OtherSections {
  std::vector<SectionItem> items;
  std::vector<EvaluationInfo> evaluations;
  std::vector<AdaptSection> adapts; // one for each evaluation
};
/// Evaluates and checks quantize, pack and evaluate.
OtherSections readOtherSections(Evaluator &ev);
/// Evaluates `evaluate` alone once more, where its rules are to run.
OtherSections readEvaluate(Evaluator &ev);

} // namespace pgc
