// One file of a program: includes, overrides and -D worked out.
#include "compiler/frontend/AstWalk.h"
#include "compiler/frontend/Printer.h"

#include <optional>
#include <set>

using namespace pgc;
using namespace pgc::ast;
using llvm::dyn_cast;

namespace {
class Flattener {
public:
  explicit Flattener(const SourceProgram &program) : program(program) {}
  std::string run();

private:
  void collectNames();
  void reach(const std::string &name);
  template <class Node> void reachFrom(const Node &node) {
    forEachUse(node,
               [&](const std::string &name, SourceRange) { reach(name); });
  }
  std::string fresh(const std::string &name);
  void printSymbol(const Symbol &symbol);
  void printSection(SectionKind kind);
  std::string printLossBelow(size_t level);
  void emit(const std::string &text, Stmt::Kind kind);

  const SourceProgram &program;
  std::set<std::string> taken;   ///< all names in the program
  std::set<std::string> reached; ///< top-level names that are used
  std::string out;
  std::optional<Stmt::Kind> last;
  bool lastWasLong = false;
};
} // namespace

/// The levels of a stack that are called, from the top downwards.
template <class Entry>
static size_t lowestLevel(const std::vector<Entry> &stack) {
  size_t level = stack.size() - 1;
  while (level > 0 && stack[level].callsInherited)
    --level;
  return level;
}

void Flattener::reach(const std::string &name) {
  const Symbol *symbol = program.lookup(name);
  if (!symbol || !reached.insert(name).second)
    return;
  for (size_t level = lowestLevel(symbol->stack); level < symbol->stack.size();
       ++level)
    reachFrom(*symbol->stack[level].stmt);
}

static void collectDeclared(const Stmt &stmt, std::set<std::string> &into) {
  if (const auto *let = dyn_cast<Let>(&stmt))
    for (const Identifier &target : let->targets)
      into.insert(target.text);
  if (const auto *fn = dyn_cast<Fn>(&stmt)) {
    into.insert(fn->name.text);
    for (const Formal &formal : fn->formals)
      into.insert(formal.name.text);
  }
  if (const auto *param = dyn_cast<Param>(&stmt))
    into.insert(param->name.text);
  if (const auto *state = dyn_cast<State>(&stmt))
    into.insert(state->name.text);
  if (const auto *output = dyn_cast<Output>(&stmt))
    into.insert(output->name.text);
  if (const auto *each = dyn_cast<Switch>(&stmt))
    into.insert(each->name.text);
  forEachUse(stmt,
             [&](const std::string &name, SourceRange) { into.insert(name); });
  forEachBlock(stmt, [&](const Block &block) {
    for (const StmtPtr &inner : block.statements)
      collectDeclared(*inner, into);
  });
}

void Flattener::collectNames() {
  for (const std::unique_ptr<File> &file : program.files)
    for (const TopLevel &element : file->elements) {
      if (element.definition)
        collectDeclared(*element.definition, taken);
      if (element.section)
        for (const StmtPtr &stmt : element.section->body.statements)
          collectDeclared(*stmt, taken);
    }
}

std::string Flattener::fresh(const std::string &name) {
  std::string result = name + ".inherited";
  for (unsigned number = 2; !taken.insert(result).second; ++number)
    result = name + ".inherited" + std::to_string(number);
  return result;
}

/// Appends a definition (without the end of its last line); unlike kinds, and
/// long ones, are set off by an empty line.
void Flattener::emit(const std::string &text, Stmt::Kind kind) {
  std::string wrapped = Printer::wrap(text, 0);
  bool isLong =
      kind != Stmt::Kind::Let && wrapped.find('\n') != std::string::npos;
  if (last && (*last != kind || isLong || lastWasLong))
    out += "\n";
  out += wrapped + "\n";
  last = kind;
  lastWasLong = isLong;
}

void Flattener::printSymbol(const Symbol &symbol) {
  size_t top = symbol.stack.size() - 1;
  std::string below;
  for (size_t level = lowestLevel(symbol.stack); level <= top; ++level) {
    const Definition &definition = symbol.stack[level];
    Printer printer;
    printer.inheritedName = below;
    printer.inheritedIsConstant = symbol.kind == SymbolKind::Constant;
    std::string name = level == top ? symbol.name : fresh(symbol.name);
    if (symbol.kind == SymbolKind::Function)
      emit(printer.fn(definition.fn(), name, 0), Stmt::Kind::Fn);
    else if (symbol.kind == SymbolKind::Constant)
      emit(printer.let(definition.let(), name), Stmt::Kind::Let);
    else
      emit(printer.param(definition.param()), Stmt::Kind::Param);
    below = name;
  }
}

void Flattener::printSection(SectionKind kind) {
  const std::vector<SectionDefinition> &stack = program.section(kind);
  if (stack.empty())
    return;
  Printer printer;
  std::string body;
  for (const Stmt *stmt : program.items(kind))
    printer.statement(*stmt, 2, body);
  emit(std::string(spelling(kind)) +
           (body.empty() ? " { }" : " {\n" + body + "}"),
       Stmt::Kind::Rule);
}

/// Prints the loss of a level as a function and returns its name.
std::string Flattener::printLossBelow(size_t level) {
  const std::vector<SectionDefinition> &stack =
      program.section(SectionKind::Loss);
  Printer printer;
  if (stack[level].callsInherited)
    printer.inheritedName = printLossBelow(level - 1);
  std::string name = fresh("loss");
  std::string head = "fn " + name + "() ";
  emit(head + printer.block(stack[level].section->body, 0, head.size()),
       Stmt::Kind::Fn);
  return name;
}

std::string Flattener::run() {
  collectNames();
  for (const Assert *assertion : program.assertions)
    reachFrom(*assertion);
  const std::vector<SectionDefinition> &loss =
      program.section(SectionKind::Loss);
  for (size_t level = loss.empty() ? 0 : lowestLevel(loss); level < loss.size();
       ++level)
    for (const StmtPtr &stmt : loss[level].section->body.statements)
      reachFrom(*stmt);
  for (unsigned kind = 0; kind < numSectionKinds; ++kind)
    for (const Stmt *item : program.items(SectionKind(kind)))
      reachFrom(*item);
  for (const std::unique_ptr<Symbol> &symbol : program.symbols)
    if (symbol->kind ==
        SymbolKind::Parameter) // these exist whether they are named or not
      reach(symbol->name);

  for (const std::unique_ptr<Symbol> &symbol : program.symbols)
    if (reached.count(symbol->name))
      printSymbol(*symbol);
  Printer lossPrinter;
  if (!loss.empty() && loss.back().callsInherited)
    lossPrinter.inheritedName = printLossBelow(loss.size() - 2);
  for (const Assert *assertion : program.assertions)
    emit(Printer().assertion(*assertion), Stmt::Kind::Assert);
  printSection(SectionKind::Model);
  if (!loss.empty())
    emit("loss " + lossPrinter.block(loss.back().section->body, 0, 5),
         Stmt::Kind::Rule);
  for (SectionKind kind : {SectionKind::Train, SectionKind::Quantize,
                           SectionKind::Pack, SectionKind::Evaluate})
    printSection(kind);
  return std::move(out);
}

std::string pgc::printFlattened(const SourceProgram &program) {
  return Flattener(program).run();
}
