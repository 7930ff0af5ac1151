// Includes, definitions and overrides: language.md section 3.
#include "compiler/frontend/Loader.h"

#include "compiler/frontend/AstWalk.h"
#include "compiler/frontend/Checks.h"
#include "compiler/frontend/Parser.h"

#include <algorithm>
#include <filesystem>

using namespace pgc;
using namespace pgc::ast;
using llvm::dyn_cast;
using llvm::isa;

namespace pgc {
/// How deep includes may nest, and how many files one experiment may have.
static constexpr size_t maxIncludeDepth = 32, maxFiles = 256;

class Loader {
public:
  Loader(SourceManager &sources, DiagnosticEngine &diagnostics)
      : sources(sources), diagnostics(diagnostics),
        program(std::make_unique<SourceProgram>()) {}

  std::unique_ptr<SourceProgram> run(const std::string &path,
                                     const Defines &defines);

private:
  void loadFile(FileId id);
  void loadInclude(const Include &include, FileId from);
  void loadDefines(const Defines &defines);
  void addDefinition(const TopLevel &element, FileId file);
  void addSection(const TopLevel &element, FileId file);
  bool checkOverride(const Symbol &symbol, const Definition &definition);
  void checkNumberKind(const Symbol &symbol, const Definition &definition);
  bool applyDefine(const Let &let);
  template <class Entry, class RangeOf>
  void checkDrops(const std::vector<Entry> &stack, const std::string &name,
                  const char *word, RangeOf rangeOf);

  SourceManager &sources;
  DiagnosticEngine &diagnostics;
  std::unique_ptr<SourceProgram> program;
  /// Files being loaded, outermost first.
  std::vector<FileId> path;
  std::map<FileId, IncludeGraph::Node> &nodes() { return graph.nodes; }
  IncludeGraph graph;
  /// A definition may be missing because it could not be read: that names are
  /// unknown means nothing then.
  bool hasSyntaxErrors = false;
};
} // namespace pgc

// ------------------------------------------------------------------------------------------------------------
// files

void Loader::loadFile(FileId id) {
  path.push_back(id);
  unsigned before = diagnostics.numErrors();
  size_t first = diagnostics.all().size();
  program->files.push_back(parseFile(id, diagnostics));
  diagnostics.sortByPlace(first);
  hasSyntaxErrors |= diagnostics.numErrors() != before;
  const File &file = *program->files.back();
  nodes()[id]; // even if it includes nothing
  for (const TopLevel &element : file.elements) {
    if (diagnostics.tooManyErrors())
      break;
    if (element.include)
      loadInclude(*element.include, id);
    else if (element.section)
      addSection(element, id);
    else if (const auto *assertion = dyn_cast<Assert>(element.definition.get()))
      program->assertions.push_back(assertion);
    else
      addDefinition(element, id);
  }
  path.pop_back();
}

void Loader::loadInclude(const Include &include, FileId from) {
  namespace fs = std::filesystem;
  std::string target =
      (fs::path(sources.name(from)).parent_path() / include.path)
          .lexically_normal()
          .string();
  std::string reason = "there is no path";
  std::optional<FileId> opened;
  if (include.path.find('\0') != std::string::npos)
    reason = "it is no path";
  else if (!include.path.empty())
    opened = sources.openFile(target, reason);
  if (!opened) {
    Diagnostic &error = diagnostics.error(
        include.pathRange, "cannot read '" + include.path + "': " + reason);
    if (target != include.path && !include.path.empty())
      error.detail("looked for " + target +
                   ": paths are relative to the file that includes");
    return;
  }
  if (auto self = std::find(path.begin(), path.end(), *opened);
      self != path.end()) {
    std::string circle;
    for (; self != path.end(); ++self)
      circle += sources.name(*self) + " includes ";
    diagnostics.error(include.range, "includes go in a circle: " + circle +
                                         sources.name(*opened));
    return;
  }
  nodes()[from].includes.push_back({*opened, include.range});
  if (nodes().count(*opened)) // once
    return;
  if (path.size() > maxIncludeDepth || program->files.size() >= maxFiles) {
    diagnostics.error(include.range,
                      path.size() > maxIncludeDepth
                          ? "includes nest more than " +
                                std::to_string(maxIncludeDepth) + " deep"
                          : "more than " + std::to_string(maxFiles) + " files");
    return;
  }
  loadFile(*opened);
}

// ------------------------------------------------------------------------------------------------------
// definitions

static const char *describe(SymbolKind kind) {
  switch (kind) {
  case SymbolKind::Constant:
    return "a constant";
  case SymbolKind::Function:
    return "a function";
  case SymbolKind::Parameter:
    return "a parameter";
  }
  return "";
}

static const char *keyword(SymbolKind kind) {
  switch (kind) {
  case SymbolKind::Constant:
    return "let";
  case SymbolKind::Function:
    return "fn";
  case SymbolKind::Parameter:
    return "param";
  }
  return "";
}

static SymbolKind kindOf(const Stmt &stmt) {
  return isa<Fn>(stmt)      ? SymbolKind::Function
         : isa<Param>(stmt) ? SymbolKind::Parameter
                            : SymbolKind::Constant;
}

/// "(p, g, lr)".
static std::string signature(const Fn &fn) {
  std::string text;
  for (const Formal &formal : fn.formals)
    text += (text.empty() ? "" : ", ") + formal.name.text;
  return "(" + text + ")";
}

void Loader::addDefinition(const TopLevel &element, FileId file) {
  Definition definition;
  definition.file = file;
  definition.isOverride = element.isOverride;
  definition.stmt = element.definition.get();
  definition.callsInherited = usesInherited(*definition.stmt);
  SourceRange range = Symbol::nameRange(definition);
  std::string name(sources.text(range));
  SymbolKind kind = kindOf(*definition.stmt);
  if (isReservedWord(name) || name == "_") {
    Diagnostic &error = diagnostics.error(
        range,
        "'" + name + "' is a word of the language and cannot be defined");
    if (kind != SymbolKind::Parameter && name != "_")
      error.help("choose another name; within a function a local name may hide "
                 "a word of the library");
    return;
  }
  Symbol *symbol = nullptr;
  if (auto found = program->table.find(name); found != program->table.end())
    symbol = found->second;
  if (symbol && !element.isOverride) {
    diagnostics.error(range, "'" + name + "' is already defined")
        .note(Symbol::nameRange(symbol->top()), "here")
        .help(std::string("to change it, write  override ") +
              keyword(symbol->kind) + " " + name);
    return;
  }
  if (!symbol && element.isOverride && !hasSyntaxErrors) {
    std::vector<std::string> known;
    for (const auto &entry : program->symbols)
      known.push_back(entry->name);
    std::string near = nearestName(name, known);
    Diagnostic &error = diagnostics.error(
        range, "nothing to override: no '" + name + "' was defined before" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?"));
    if (!near.empty())
      error.note(Symbol::nameRange(program->lookup(near)->top()),
                 "declared here");
    else
      error.help("include the file that defines it, or leave out 'override'");
  }
  if (!symbol) {
    program->symbols.push_back(std::make_unique<Symbol>());
    symbol = program->symbols.back().get();
    symbol->name = name;
    symbol->kind = kind;
    program->table[name] = symbol;
  } else if (!checkOverride(*symbol, definition)) {
    return;
  }
  symbol->stack.push_back(definition);
}

bool Loader::checkOverride(const Symbol &symbol, const Definition &definition) {
  SourceRange range = Symbol::nameRange(definition);
  SourceRange before = Symbol::nameRange(symbol.top());
  if (SymbolKind kind = kindOf(*definition.stmt); kind != symbol.kind) {
    diagnostics
        .error(range, "'" + symbol.name + "' is " + describe(symbol.kind) +
                          "; " + describe(kind) + " cannot override it")
        .note(before, "declared here");
    return false;
  }
  if (symbol.kind == SymbolKind::Function) {
    std::string now = signature(definition.fn()),
                then = signature(symbol.top().fn());
    if (now != then) {
      diagnostics
          .error(range, "'" + symbol.name + "' takes " + then +
                            "; this override takes " + now)
          .note(before, "declared here")
          .help("an override has the same parameters, in the same order");
      return false;
    }
  }
  if (symbol.kind == SymbolKind::Constant)
    checkNumberKind(symbol, definition);
  return true;
}

/// Integer or Float for a literal number, which may have a sign; otherwise
/// nothing.
static std::optional<Expr::Kind> literalKind(const Expr &expr) {
  if (const auto *unary = dyn_cast<Unary>(&expr);
      unary && unary->op == UnaryOp::Negate)
    return literalKind(*unary->operand);
  if (isa<Integer, Float>(&expr))
    return expr.kind();
  return std::nullopt;
}

void Loader::checkNumberKind(const Symbol &symbol,
                             const Definition &definition) {
  const Definition &first = symbol.stack.front();
  std::optional<Expr::Kind> now = literalKind(*definition.let().value);
  std::optional<Expr::Kind> then = literalKind(*first.let().value);
  if (now != Expr::Kind::Float || then != Expr::Kind::Integer)
    return;
  diagnostics
      .error(definition.let().value->range,
             "'" + symbol.name + "' is an integer; " +
                 std::string(sources.text(definition.let().value->range)) +
                 " is a float")
      .note(Symbol::nameRange(first), "declared here");
}

void Loader::addSection(const TopLevel &element, FileId file) {
  const Section &section = *element.section;
  std::string word = spelling(section.kind);
  std::vector<SectionDefinition> &stack =
      program->sections[unsigned(section.kind)];
  if (!stack.empty() && !element.isOverride) {
    diagnostics.error(section.keywordRange, "'" + word + "' is already defined")
        .note(stack.back().section->keywordRange, "here")
        .help("to change it, write  override " + word);
    return;
  }
  if (stack.empty() && element.isOverride && !hasSyntaxErrors)
    diagnostics
        .error(section.keywordRange,
               "nothing to override: no '" + word + "' was defined before")
        .help("include the file that defines it, or leave out 'override'");
  SectionDefinition definition;
  definition.file = file;
  definition.isOverride = element.isOverride;
  definition.section = &section;
  definition.callsInherited = usesInherited(section);
  stack.push_back(definition);
}

// ----------------------------------------------------------------------------------------------------
// -D name=expr

void Loader::loadDefines(const Defines &defines) {
  if (defines.empty())
    return;
  // A line each, so that a place in it says which -D is meant.
  std::string text;
  std::vector<std::pair<uint32_t, uint32_t>> places;
  for (const std::string &define : defines) {
    text += "-D ";
    auto begin = static_cast<uint32_t>(text.size());
    for (char c : define)
      text += c == '\n' || c == '\r' ? ' ' : c;
    places.push_back({begin, static_cast<uint32_t>(text.size())});
    text += '\n';
  }
  FileId id = sources.addBuffer("<command line>", text);
  program->commandLine = id;
  auto file = std::make_unique<File>();
  file->id = id;
  nodes()[id].includes.push_back({program->mainFile, {}});
  for (auto [begin, end] : places) {
    std::unique_ptr<Let> let = parseDefine(id, begin, end, diagnostics);
    if (!let)
      continue; // reported
    if (let->takesApart) {
      diagnostics.error(let->range, "a -D gives a value to one name");
      continue;
    }
    if (!applyDefine(*let))
      continue;
    TopLevel element;
    element.isOverride = true;
    element.definition = std::move(let);
    file->elements.push_back(std::move(element));
  }
  program->files.push_back(std::move(file));
}

bool Loader::applyDefine(const Let &let) {
  const Identifier &name = let.targets.front();
  const Symbol *found = program->lookup(name.text);
  if (!found) {
    if (hasSyntaxErrors)
      return false;
    std::string near =
        nearestName(name.text, program->names(SymbolKind::Constant));
    Diagnostic &error = diagnostics.error(
        name.range, "no constant is called '" + name.text + "'" +
                        (near.empty() ? "" : "; did you mean '" + near + "'?"));
    if (!near.empty())
      error.note(Symbol::nameRange(program->lookup(near)->stack.front()),
                 "declared here");
    return false;
  }
  if (found->kind != SymbolKind::Constant) {
    diagnostics
        .error(name.range, "'" + name.text + "' is " + describe(found->kind) +
                               "; -D sets constants")
        .note(Symbol::nameRange(found->top()), "declared here");
    return false;
  }
  Definition definition;
  definition.file = name.range.file;
  definition.isOverride = true;
  definition.fromCommandLine = true;
  definition.stmt = &let;
  definition.callsInherited = usesInherited(let);
  Symbol *symbol = program->table.find(name.text)->second;
  checkNumberKind(*symbol, definition);
  symbol->stack.push_back(definition);
  return true;
}

// ---------------------------------------------------------------------------------------------------
// dropped overrides

/// An override that does not call inherited() drops all below it. It may drop
/// what its own file, or a file that this one includes, brought in; anything
/// else was written by somebody who did not know of it.
template <class Entry, class RangeOf>
void Loader::checkDrops(const std::vector<Entry> &stack,
                        const std::string &name, const char *word,
                        RangeOf rangeOf) {
  size_t level = stack.size();
  while (level > 1 && stack[level - 1].callsInherited)
    --level;
  if (level < 2)
    return;
  const Entry &dropper = stack[level - 1];
  for (size_t i = level - 1; i-- > 0;) {
    const Entry &below = stack[i];
    if (graph.reaches(dropper.file, below.file))
      continue;
    std::string message = std::string("this override drops another ") +
                          (below.isOverride ? "one" : "definition") + ": '" +
                          name + "' from " + sources.name(below.file) +
                          (std::string_view(word) == "fn" ? " is never called"
                                                          : " is never used");
    std::string written =
        std::string("override ") + word + (*word ? " " : "") + name;
    diagnostics
        .error(graph.commonInclude(program->mainFile, dropper.file, below.file,
                                   rangeOf(dropper)),
               message)
        .note(rangeOf(below), "dropped here")
        .note(rangeOf(dropper), "because this one does not call inherited()")
        .help("include one of them, or write in this file the '" + written +
              "' that you mean");
    return;
  }
}

// --------------------------------------------------------------------------------------------------------------
// all

std::unique_ptr<SourceProgram> Loader::run(const std::string &mainPath,
                                           const Defines &defines) {
  std::string reason = "there is no path";
  std::optional<FileId> opened;
  if (!mainPath.empty())
    opened = sources.openFile(mainPath, reason);
  if (!opened) {
    diagnostics.error({}, "cannot read '" + mainPath + "': " + reason);
    return nullptr;
  }
  program->mainFile = *opened;
  loadFile(*opened);
  loadDefines(defines);
  for (const std::unique_ptr<Symbol> &symbol : program->symbols)
    checkDrops(symbol->stack, symbol->name, keyword(symbol->kind),
               &Symbol::nameRange);
  for (unsigned kind = 0; kind < numSectionKinds; ++kind)
    checkDrops(program->sections[kind], spelling(SectionKind(kind)), "",
               [](const SectionDefinition &definition) {
                 return definition.section->keywordRange;
               });
  checkProgram(*program, diagnostics);
  return diagnostics.hasErrors() ? nullptr : std::move(program);
}

std::unique_ptr<SourceProgram> pgc::load(const std::string &path,
                                         const Defines &defines,
                                         SourceManager &sources,
                                         DiagnosticEngine &diagnostics) {
  return Loader(sources, diagnostics).run(path, defines);
}
