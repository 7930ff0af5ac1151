#include "compiler/frontend/Session.h"
#include "compiler/frontend/AstWalk.h"
#include "mlir/IR/Location.h"
#include <set>

namespace pgc {

Session::Session(const SourceProgram &program, const SourceManager &sources,
                 DiagnosticEngine &diagnostics, mlir::MLIRContext &context)
    : program(program), sources(sources), diagnostics(diagnostics),
      context(context), floatType(mlir::Float32Type::get(&context)),
      switches(program.switches()) {}

mlir::Location Session::location(SourceRange range) const {
  if (!range.isValid())
    return mlir::UnknownLoc::get(&context);
  LineColumn at = sources.lineColumn(range.file, range.begin);
  return mlir::FileLineColLoc::get(&context, sources.name(range.file), at.line,
                                   at.column);
}

void collectNames(const ast::Expr &expr, std::vector<std::string> &names) {
  if (auto *name = llvm::dyn_cast<ast::Name>(&expr))
    names.push_back(name->text);
  if (auto *text = llvm::dyn_cast<ast::String>(&expr))
    for (const ast::String::Piece &piece : text->pieces)
      if (piece.isName)
        names.push_back(piece.text);
  ast::forEachChild(
      expr, [&](const ast::Expr &child) { collectNames(child, names); });
}

void Session::noteDefines(Diagnostic &diagnostic,
                          const std::vector<std::string> &names) const {
  std::vector<std::string> work(names.rbegin(), names.rend());
  std::set<std::string> seen;
  while (!work.empty()) {
    std::string name = std::move(work.back());
    work.pop_back();
    const Symbol *symbol = program.lookup(name);
    if (!symbol || symbol->kind != SymbolKind::Constant ||
        !seen.insert(name).second)
      continue;
    const std::vector<Definition> &stack = symbol->stack;
    if (stack.back().fromCommandLine && stack.size() > 1) {
      size_t below = stack.size() - 1;
      while (below > 0 && stack[below].fromCommandLine)
        --below;
      const ast::Expr &old = *stack[below].let().value;
      std::string given(sources.text(stack.back().let().value->range));
      diagnostic.note(name + " is " + given + " by -D " + name + "=" + given +
                      "; " + sources.place(Symbol::nameRange(stack[below])) +
                      " says " + std::string(sources.text(old.range)));
      continue;
    }
    std::vector<std::string> inner;
    collectNames(*stack.back().let().value, inner);
    work.insert(work.end(), inner.rbegin(), inner.rend());
  }
}

} // namespace pgc
