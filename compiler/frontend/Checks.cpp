#include "compiler/frontend/Checks.h"

#include "compiler/frontend/AstWalk.h"

#include <set>

using namespace pgc;
using namespace pgc::ast;
using llvm::dyn_cast;
using llvm::isa;

// ----------------------------------------------------------------------------------------------------
// include graph

bool IncludeGraph::reaches(FileId from, FileId to) const {
  std::vector<FileId> pending{from};
  std::set<FileId> seen{from};
  while (!pending.empty()) {
    FileId file = pending.back();
    pending.pop_back();
    if (file == to)
      return true;
    auto node = nodes.find(file);
    if (node == nodes.end())
      continue;
    for (const Edge &edge : node->second.includes)
      if (seen.insert(edge.target).second)
        pending.push_back(edge.target);
  }
  return false;
}

SourceRange IncludeGraph::commonInclude(FileId root, FileId later,
                                        FileId earlier,
                                        SourceRange otherwise) const {
  SourceRange result = otherwise;
  // Downwards along files that reach both; includes have no circles, so this
  // ends.
  for (FileId file = root; file != later;) {
    auto node = nodes.find(file);
    if (node == nodes.end())
      return result;
    const Edge *towards = nullptr;
    for (const Edge &edge : node->second.includes)
      if (reaches(edge.target, later) &&
          (!towards || (reaches(edge.target, earlier) &&
                        !reaches(towards->target, earlier))))
        towards = &edge;
    if (!towards)
      return result;
    result = towards->range;
    if (!reaches(towards->target, earlier))
      return result;
    file = towards->target;
  }
  return result;
}

// --------------------------------------------------------------------------------------------------------
// inherited

bool pgc::usesInherited(const Stmt &stmt) {
  bool result = isa<Inherited>(&stmt);
  forEachUse(stmt, [&](const std::string &name, SourceRange) {
    result |= name == "inherited";
  });
  return result;
}

bool pgc::usesInherited(const Section &section) {
  for (const StmtPtr &stmt : section.body.statements)
    if (usesInherited(*stmt))
      return true;
  return false;
}

namespace {
class Checker {
public:
  Checker(const SourceProgram &program, DiagnosticEngine &diagnostics)
      : program(program), diagnostics(diagnostics) {}
  void run();

private:
  enum class Use { Never, AsCall, AsValue };
  template <class Node>
  void checkInherited(const Node &node, Use allowed, bool hasBelow,
                      const char *where);
  void checkSwitches();
  void checkBlock(const Block &block, std::vector<Identifier> &outer);
  void checkFn(const Fn &fn, std::vector<Identifier> &outer);
  void checkLets(const Block &block, size_t numOuter,
                 const std::vector<Identifier> &outer);

  const SourceProgram &program;
  DiagnosticEngine &diagnostics;
};
} // namespace

/// Where 'inherited' may stand in `node`: nowhere, called without arguments, or
/// as any function.
template <class Node>
void Checker::checkInherited(const Node &node, Use allowed, bool hasBelow,
                             const char *where) {
  std::set<const Expr *> called;
  walk(node, [&](const Expr &expr) {
    if (const auto *call = dyn_cast<Call>(&expr);
        call && call->calleeName() == "inherited") {
      called.insert(call->callee.get());
      if (hasBelow && allowed == Use::AsCall && !call->arguments.empty())
        diagnostics.error(call->range, std::string("in ") + where +
                                           " 'inherited()' takes no arguments");
      return;
    }
    const auto *name = dyn_cast<Name>(&expr);
    if (!name || name->text != "inherited")
      return;
    if (allowed == Use::Never)
      diagnostics.error(name->range,
                        std::string("'inherited' cannot be used in ") + where);
    else if (!hasBelow)
      diagnostics
          .error(name->range,
                 "there is nothing below that 'inherited' could mean")
          .help("only an 'override' has an 'inherited'");
    else if (allowed == Use::AsCall && !called.count(&expr))
      diagnostics.error(name->range, std::string("in ") + where +
                                         " 'inherited' is called: inherited()");
  });
}

// ---------------------------------------------------------------------------------------------------------
// switches

void Checker::checkSwitches() {
  std::map<std::string, SourceRange> seen;
  for (const Switch *each : program.switches()) {
    const std::string &name = each->name.text;
    if (isReservedWord(name) || name == "_") {
      diagnostics.error(
          each->name.range,
          "'" + name + "' is a word of the language and cannot be defined");
      continue;
    }
    auto [other, isNew] = seen.insert({name, each->name.range});
    const Symbol *symbol = program.lookup(name);
    if (isNew && !symbol)
      continue;
    diagnostics.error(each->name.range, "'" + name + "' is already defined")
        .note(symbol ? Symbol::nameRange(symbol->top()) : other->second,
              "here");
  }
}

// ------------------------------------------------------------------------------------------------
// lets without readers

/// The names that a statement declares in its block.
static std::vector<Identifier> declared(const Stmt &stmt) {
  if (const auto *let = dyn_cast<Let>(&stmt))
    return let->targets;
  if (const auto *fn = dyn_cast<Fn>(&stmt))
    return {fn->name};
  if (const auto *param = dyn_cast<Param>(&stmt))
    return {param->name};
  if (const auto *state = dyn_cast<State>(&stmt))
    return {state->name};
  if (const auto *output = dyn_cast<Output>(&stmt))
    return {output->name};
  return {};
}

/// Reports lets of an inner block that hide one of the first `numOuter` names
/// of `outer` and that nothing behind them in the block reads: whoever wrote
/// one meant to change the outer name.
void Checker::checkLets(const Block &block, size_t numOuter,
                        const std::vector<Identifier> &outer) {
  for (size_t i = 0; i < block.statements.size(); ++i) {
    const auto *let = dyn_cast<Let>(block.statements[i].get());
    if (!let)
      continue;
    for (const Identifier &target : let->targets) {
      const Identifier *hidden = nullptr;
      for (size_t k = 0; k < numOuter; ++k)
        if (outer[k].text == target.text && target.text != "_")
          hidden = &outer[k];
      if (!hidden)
        continue;
      bool isRead = false;
      for (size_t k = i + 1; k < block.statements.size() && !isRead; ++k)
        forEachUse(*block.statements[k],
                   [&](const std::string &name, SourceRange) {
                     isRead |= name == target.text;
                   });
      if (isRead)
        continue;
      diagnostics
          .error(target.range, "nobody reads this '" + target.text +
                                   "', and it does not change the outer one")
          .note(hidden->range, "the outer '" + target.text + "'")
          .help("nothing is ever assigned; in the outer block write  let " +
                target.text + " = if … then … else " + target.text + ";");
    }
  }
}

/// `outer`: the locals of the blocks around, in order; as on entry again when
/// this returns.
void Checker::checkBlock(const Block &block, std::vector<Identifier> &outer) {
  size_t size = outer.size();
  for (const StmtPtr &stmt : block.statements) {
    if (const auto *fn = dyn_cast<Fn>(stmt.get()))
      checkFn(*fn, outer);
    else
      forEachBlock(*stmt, [&](const Block &inner) {
        checkLets(inner, outer.size(), outer);
        checkBlock(inner, outer);
      });
    for (Identifier &name : declared(*stmt))
      outer.push_back(std::move(name));
  }
  outer.resize(size);
}

void Checker::checkFn(const Fn &fn, std::vector<Identifier> &outer) {
  size_t size = outer.size();
  checkLets(fn.body, size, outer);
  for (const Formal &formal : fn.formals)
    outer.push_back(formal.name);
  checkBlock(fn.body, outer);
  outer.resize(size);
}

void Checker::run() {
  std::vector<Identifier> outer;
  for (const std::unique_ptr<Symbol> &symbol : program.symbols) {
    for (size_t level = 0; level < symbol->stack.size(); ++level) {
      const Definition &definition = symbol->stack[level];
      Use use = symbol->kind == SymbolKind::Function   ? Use::AsValue
                : symbol->kind == SymbolKind::Constant ? Use::AsCall
                                                       : Use::Never;
      checkInherited(*definition.stmt, use, definition.isOverride,
                     symbol->kind == SymbolKind::Constant ? "a 'let'"
                                                          : "a 'param'");
      if (const auto *fn = dyn_cast<Fn>(definition.stmt))
        checkFn(*fn, outer);
    }
  }
  for (const Assert *assertion : program.assertions)
    checkInherited(*assertion, Use::Never, false, "an assertion");
  for (unsigned kind = 0; kind < numSectionKinds; ++kind) {
    const std::vector<SectionDefinition> &stack = program.sections[kind];
    for (size_t level = 0; level < stack.size(); ++level) {
      bool isLoss = SectionKind(kind) == SectionKind::Loss;
      for (const StmtPtr &stmt : stack[level].section->body.statements) {
        checkInherited(
            *stmt, isLoss ? Use::AsCall : Use::Never, stack[level].isOverride,
            isLoss ? "'loss'"
                   : "the items of a section; write it as an item of its own");
        if (isa<Inherited>(stmt.get()) && !stack[level].isOverride)
          diagnostics
              .error(stmt->range,
                     "there is nothing below that 'inherited' could mean")
              .help(std::string("only an 'override ") +
                    spelling(SectionKind(kind)) + "' has an 'inherited'");
      }
      checkBlock(stack[level].section->body, outer);
    }
  }
  checkSwitches();
}

void pgc::checkProgram(const SourceProgram &program,
                       DiagnosticEngine &diagnostics) {
  Checker(program, diagnostics).run();
}
