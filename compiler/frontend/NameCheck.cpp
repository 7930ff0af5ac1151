#include "compiler/frontend/NameCheck.h"
#include "compiler/frontend/AstWalk.h"
#include "compiler/frontend/Evaluator.h"

namespace pgc {

using namespace ast;

namespace {
class NameChecker {
public:
  explicit NameChecker(Session &session);
  void check(const Fn &fn);

private:
  void use(const std::string &name, SourceRange range);
  void visit(const Expr &expr);
  void visit(const Block &block);
  void visit(const Stmt &stmt);
  /// Names that are seen everywhere: definitions, outputs, switches.
  std::set<std::string> global;
  std::vector<std::string> local;
  Session &session;
};
} // namespace

NameChecker::NameChecker(Session &session) : session(session) {
  for (const auto &symbol : session.program.symbols)
    global.insert(symbol->name);
  for (const Switch *s : session.switches)
    global.insert(s->name.text);
  for (const SectionDefinition &definition :
       session.program.section(SectionKind::Model))
    for (const StmtPtr &statement : definition.section->body.statements)
      if (auto *output = llvm::dyn_cast<Output>(statement.get()))
        global.insert(output->name.text);
}

void NameChecker::use(const std::string &name, SourceRange range) {
  if (name == "_" || isReservedWord(name) || global.count(name) ||
      llvm::find(local, name) != local.end())
    return;
  std::vector<std::string> candidates = local;
  candidates.insert(candidates.end(), global.begin(), global.end());
  const std::vector<std::string> &words = reservedWords();
  candidates.insert(candidates.end(), words.begin(), words.end());
  session.diagnostics.error(range, "nothing is called '" + name + "' here" +
                                       didYouMean(name, candidates));
}

void NameChecker::visit(const Expr &expr) {
  if (auto *name = llvm::dyn_cast<Name>(&expr))
    return use(name->text, name->range);
  if (auto *text = llvm::dyn_cast<String>(&expr)) {
    for (const String::Piece &piece : text->pieces)
      if (piece.isName)
        use(piece.text, piece.range);
    return;
  }
  if (auto *list = llvm::dyn_cast<Comprehension>(&expr)) {
    visit(*list->list);
    local.push_back(list->variable.text);
    visit(*list->element);
    local.pop_back();
    return;
  }
  forEachChild(expr, [&](const Expr &child) { visit(child); });
}

void NameChecker::visit(const Block &block) {
  size_t outer = local.size();
  for (const StmtPtr &statement : block.statements)
    visit(*statement);
  local.resize(outer);
}

void NameChecker::visit(const Stmt &stmt) {
  if (auto *fn = llvm::dyn_cast<Fn>(&stmt)) {
    local.push_back(fn->name.text);
    return check(*fn);
  }
  if (auto *state = llvm::dyn_cast<State>(&stmt)) {
    visit(*state->shape);
    visit(*state->init);
    local.push_back(state->name.text); // `then` sees it
    return visit(*state->next);
  }
  forEachExpr(stmt, [&](const Expr &expr) { visit(expr); });
  forEachBlock(stmt, [&](const Block &block) { visit(block); });
  if (auto *let = llvm::dyn_cast<Let>(&stmt))
    for (const Identifier &target : let->targets)
      local.push_back(target.text);
  else if (auto *param = llvm::dyn_cast<Param>(&stmt))
    local.push_back(param->name.text);
}

void NameChecker::check(const Fn &fn) {
  size_t outer = local.size();
  for (const Formal &formal : fn.formals)
    local.push_back(formal.name.text);
  forEachExpr(fn, [&](const Expr &expr) { visit(expr); });
  visit(fn.body);
  local.resize(outer);
}

void checkNames(Session &session) {
  NameChecker checker(session);
  for (const auto &symbol : session.program.symbols)
    if (symbol->kind == SymbolKind::Function)
      for (const Definition &definition : symbol->stack)
        checker.check(definition.fn());
}

} // namespace pgc
