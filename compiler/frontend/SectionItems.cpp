// Words of quantize, pack and evaluate, and their items as users see them.
#include "compiler/frontend/AstPrinter.h"
#include "compiler/frontend/Sections.h"

namespace pgc {

using namespace ast;

std::optional<SettingArguments> readWord(Evaluator &ev, const Call &call,
                                         Scope &scope, SectionKind kind,
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

SectionItem makeItem(SectionKind kind, const ast::Expr *who, const Call &call,
                     const std::map<std::string, std::string> &arguments) {
  SectionItem item;
  item.section = spelling(kind);
  item.who = who ? print(*who) : "";
  item.what = call.calleeName();
  item.arguments.assign(arguments.begin(), arguments.end());
  return item;
}

SectionItem makeItem(SectionKind kind, const ast::Expr *who,
                     const SettingArguments &setting) {
  std::map<std::string, std::string> arguments;
  for (auto &[name, argument] : setting.arguments)
    arguments[name] = argument.value.isPoison() ? print(*argument.expr)
                                                : describe(argument.value);
  return makeItem(kind, who, *setting.call, arguments);
}

} // namespace pgc
