#include "compiler/frontend/AstWalk.h"
#include "compiler/frontend/Warnings.h"
#include <set>

namespace pgc {

using namespace ast;

namespace {
/// Follows names from the sections to what they stand for.
class Readers {
public:
  explicit Readers(const SourceProgram &program) : program(program) {
    for (const auto &stack : program.sections)
      for (int level = int(stack.size()) - 1; level >= 0; --level) {
        for (const StmtPtr &item : stack[level].section->body.statements)
          read(*item);
        if (!stack[level].callsInherited)
          break;
      }
    for (const Assert *assertion : program.assertions)
      read(*assertion);
    for (const auto &symbol : program.symbols) // parameters exist, named or not
      if (symbol->kind == SymbolKind::Parameter &&
          seen.insert(symbol.get()).second)
        work.push_back(symbol.get());
    while (!work.empty()) {
      const Symbol *symbol = work.back();
      work.pop_back();
      for (int level = int(symbol->stack.size()) - 1; level >= 0; --level) {
        read(*symbol->stack[level].stmt);
        if (!symbol->stack[level].callsInherited)
          break;
      }
    }
  }

  bool reach(const Symbol &symbol) const { return seen.count(&symbol); }

private:
  template <class Node> void read(const Node &node) {
    forEachUse(node, [&](const std::string &name, SourceRange) {
      const Symbol *symbol = program.lookup(name);
      if (symbol && seen.insert(symbol).second)
        work.push_back(symbol);
    });
  }

  const SourceProgram &program;
  std::set<const Symbol *> seen;
  std::vector<const Symbol *> work;
};
} // namespace

void warnOfUnusedConstants(Session &session) {
  const SourceProgram &program = session.program;
  Readers readers(program);
  for (const auto &symbol : program.symbols) {
    const Definition &top = symbol->top();
    // What a library or a base declares and nobody touched is there to be used.
    bool isSet =
        top.fromCommandLine || top.isOverride || top.file == program.mainFile;
    if (symbol->kind != SymbolKind::Constant || !isSet ||
        readers.reach(*symbol))
      continue;
    Diagnostic &warning = session.diagnostics.warning(
        Symbol::nameRange(top), "unused-constant",
        "nothing reads the constant '" + symbol->name + "'" +
            (symbol->stack.size() > 1 ? ": setting it has no effect" : ""));
    if (symbol->stack.size() > 1)
      warning.note(Symbol::nameRange(symbol->stack.front()), "declared here");
    // Who read it may have been overridden.
    for (const auto &other : program.symbols) {
      if (other->stack.size() < 2)
        continue;
      const Definition &dropped = other->stack[other->stack.size() - 2];
      bool hides = false;
      if (!other->top().callsInherited && readers.reach(*other))
        forEachUse(*dropped.stmt, [&](const std::string &name, SourceRange) {
          hides |= name == symbol->name;
        });
      if (!hides)
        continue;
      warning.note(Symbol::nameRange(other->top()),
                   "this override of '" + other->name +
                       "' replaces what read it");
      break;
    }
  }
}

} // namespace pgc
