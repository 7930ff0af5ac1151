// Questions to a loaded program.
#include "compiler/frontend/Loader.h"

using namespace pgc;
using namespace pgc::ast;

SourceRange Symbol::nameRange(const Definition &definition) {
  if (const auto *fn = llvm::dyn_cast<Fn>(definition.stmt))
    return fn->name.range;
  if (const auto *param = llvm::dyn_cast<Param>(definition.stmt))
    return param->name.range;
  return definition.let().targets.front().range;
}

const Symbol *SourceProgram::lookup(std::string_view name) const {
  auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

/// Appends the items of level `level` of a stack.
static void appendItems(const std::vector<SectionDefinition> &stack,
                        size_t level, std::vector<const Stmt *> &into) {
  for (const StmtPtr &stmt : stack[level].section->body.statements) {
    if (!llvm::isa<Inherited>(stmt.get()))
      into.push_back(stmt.get());
    else if (level > 0)
      appendItems(stack, level - 1, into);
  }
}

std::vector<const Stmt *> SourceProgram::items(SectionKind kind) const {
  std::vector<const Stmt *> result;
  if (const std::vector<SectionDefinition> &stack = section(kind);
      !stack.empty())
    appendItems(stack, stack.size() - 1, result);
  return result;
}

std::vector<const Switch *> SourceProgram::switches() const {
  std::vector<const Switch *> result;
  for (const Stmt *item : items(SectionKind::Train))
    if (const auto *found = llvm::dyn_cast<Switch>(item))
      result.push_back(found);
  return result;
}

std::vector<std::string> SourceProgram::names(SymbolKind kind) const {
  std::vector<std::string> result;
  for (const std::unique_ptr<Symbol> &symbol : symbols)
    if (symbol->kind == kind)
      result.push_back(symbol->name);
  return result;
}
