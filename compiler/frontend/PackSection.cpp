// What `pack` says: codecs in their order, and what happens over the cap.
#include "compiler/frontend/Sections.h"

namespace pgc {

using namespace ast;

/// cap(bytes, otherwise = solve(name) or zero_ones(codes_per_excess_byte))
static void readOverCap(Evaluator &ev, const SettingArguments &setting,
                        Scope &scope, PackSection &section) {
  const auto &otherwise = setting["otherwise"];
  auto *call = llvm::dyn_cast<Call>(otherwise.expr);
  std::string name = call ? call->calleeName() : "";
  if (name == "zero_ones") {
    if (auto inner = readSetting(ev, *call, scope, "codes_per_excess_byte"))
      section.zeroOnes =
          numberArgument(ev, *inner, "codes_per_excess_byte", false)
              .value_or(0);
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
    section.solve = symbol;
    return;
  }
  ev.error(call->range,
           "solve takes the name of a constant" +
               (constant ? didYouMean(constant->text, ev.session.program.names(
                                                          SymbolKind::Constant))
                         : std::string()));
}

/// The number that a codec takes, within its bounds; 0 if it takes none.
static int64_t readCodecArgument(Evaluator &ev,
                                 const SettingArguments &setting) {
  for (const auto &[name, argument] : setting.arguments) {
    int64_t n = integerArgument(ev, setting, name, name == "stride" ? 1 : 0)
                    .value_or(1);
    int64_t most = name == "quality" ? 11 : name == "level" ? 9 : INT64_MAX;
    if (n > most)
      ev.error(argument.range,
               "'" + name + "' is at most " + std::to_string(most));
    return n;
  }
  return 0;
}

PackSection readPack(Evaluator &ev) {
  PackSection section;
  forEachItem(ev, SectionKind::Pack, [&](const Stmt &item, Scope &scope) {
    auto *s = llvm::dyn_cast<ast::Setting>(&item);
    if (!s) {
      ev.error(item.range, "'pack' has settings only");
      return;
    }
    auto setting = readWord(ev, *s->call, scope, SectionKind::Pack,
                            {{"base3", ""},
                             {"shuffle", "stride"},
                             {"brotli", "quality"},
                             {"zlib", "level"},
                             {"lzma", "level"},
                             {"cap", "bytes, otherwise?"}});
    if (!setting)
      return;
    std::string name = setting->call->calleeName();
    if (name == "cap") {
      section.cap = integerArgument(ev, *setting, "bytes", 1).value_or(0);
      section.solve = nullptr;
      section.zeroOnes = 0;
      if (setting->has("otherwise"))
        readOverCap(ev, *setting, scope, section);
    } else {
      // A setting given twice counts the second time.
      llvm::erase_if(section.codecs, [&](const PackSection::Codec &codec) {
        return codec.name == name;
      });
      section.codecs.push_back({name, readCodecArgument(ev, *setting)});
    }
    section.items.push_back(makeItem(SectionKind::Pack, nullptr, *setting));
  });
  return section;
}

} // namespace pgc
