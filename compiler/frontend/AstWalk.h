// Visits the parts of syntax trees.
#pragma once

#include "compiler/frontend/Ast.h"

namespace pgc::ast {

/// Calls f(const Expr &) for the direct parts of an expression, in the order of
/// the text.
template <class F> void forEachChild(const Expr &expr, F &&f) {
  using llvm::cast;
  auto visit = [&](const ExprPtr &part) {
    if (part)
      f(static_cast<const Expr &>(*part));
  };
  switch (expr.kind()) {
  case Expr::Kind::Integer:
  case Expr::Kind::Float:
  case Expr::Kind::String:
  case Expr::Kind::Name:
  case Expr::Kind::Ellipsis:
    return;
  case Expr::Kind::List:
    for (const ExprPtr &element : cast<List>(expr).elements)
      visit(element);
    return;
  case Expr::Kind::Comprehension:
    visit(cast<Comprehension>(expr).list);
    visit(cast<Comprehension>(expr).element);
    return;
  case Expr::Kind::Unary:
    visit(cast<Unary>(expr).operand);
    return;
  case Expr::Kind::Binary:
    visit(cast<Binary>(expr).left);
    visit(cast<Binary>(expr).right);
    return;
  case Expr::Kind::Range:
    visit(cast<Range>(expr).begin);
    visit(cast<Range>(expr).end);
    return;
  case Expr::Kind::Conditional:
    visit(cast<Conditional>(expr).condition);
    visit(cast<Conditional>(expr).thenValue);
    visit(cast<Conditional>(expr).elseValue);
    return;
  case Expr::Kind::Call:
    visit(cast<Call>(expr).callee);
    for (const Argument &argument : cast<Call>(expr).arguments)
      visit(argument.value);
    return;
  case Expr::Kind::Index:
    visit(cast<Index>(expr).base);
    for (const ExprPtr &index : cast<Index>(expr).indices)
      visit(index);
    return;
  }
}

/// Calls f(const Expr &) for the expressions of a statement, not for those of
/// statements inside it.
template <class F> void forEachExpr(const Stmt &stmt, F &&f) {
  using llvm::cast;
  auto visit = [&](const auto &part) {
    if (part)
      f(static_cast<const Expr &>(*part));
  };
  auto visitPattern = [&](const std::optional<Pattern> &pattern) {
    if (pattern)
      for (const ExprPtr &size : pattern->sizes)
        visit(size);
  };
  switch (stmt.kind()) {
  case Stmt::Kind::Let:
    visitPattern(cast<Let>(stmt).pattern);
    visit(cast<Let>(stmt).value);
    return;
  case Stmt::Kind::Fn:
    for (const Formal &formal : cast<Fn>(stmt).formals)
      visitPattern(formal.pattern);
    visit(cast<Fn>(stmt).under);
    return;
  case Stmt::Kind::Param:
    visit(cast<Param>(stmt).path);
    visit(cast<Param>(stmt).shape);
    visit(cast<Param>(stmt).init);
    return;
  case Stmt::Kind::State:
    visit(cast<State>(stmt).shape);
    visit(cast<State>(stmt).init);
    visit(cast<State>(stmt).next);
    return;
  case Stmt::Kind::Assert:
    visit(cast<Assert>(stmt).condition);
    visit(cast<Assert>(stmt).text);
    return;
  case Stmt::Kind::Output:
    visit(cast<Output>(stmt).value);
    return;
  case Stmt::Kind::Return:
    visit(cast<Return>(stmt).value);
    return;
  case Stmt::Kind::If:
    visit(cast<If>(stmt).condition);
    return;
  case Stmt::Kind::Inherited:
    return;
  case Stmt::Kind::Switch:
    visit(cast<Switch>(stmt).condition);
    return;
  case Stmt::Kind::Setting:
    visit(cast<Setting>(stmt).call);
    return;
  case Stmt::Kind::Rule:
    visit(cast<Rule>(stmt).who);
    visit(cast<Rule>(stmt).what);
    return;
  }
}

/// Calls f(const Block &) for the blocks of a statement.
template <class F> void forEachBlock(const Stmt &stmt, F &&f) {
  if (const auto *fn = llvm::dyn_cast<Fn>(&stmt)) {
    f(fn->body);
  } else if (const auto *branch = llvm::dyn_cast<If>(&stmt)) {
    f(branch->thenBlock);
    if (branch->elseBlock)
      f(*branch->elseBlock);
  } else if (const auto *rule = llvm::dyn_cast<Rule>(&stmt);
             rule && rule->items) {
    f(*rule->items);
  }
}

/// Calls f(const Expr &) for an expression and all in it, outer ones first.
template <class F> void walk(const Expr &expr, F &&f) {
  f(expr);
  forEachChild(expr, [&](const Expr &child) { walk(child, f); });
}

/// Calls f(const Expr &) for all expressions of a statement and of the
/// statements in it.
template <class F> void walk(const Stmt &stmt, F &&f) {
  forEachExpr(stmt, [&](const Expr &expr) { walk(expr, f); });
  forEachBlock(stmt, [&](const Block &block) {
    for (const StmtPtr &inner : block.statements)
      walk(*inner, f);
  });
}

/// Calls f(const std::string &name, SourceRange) for every use of a name: as an
/// expression, or in a string's braces.
template <class Node, class F> void forEachUse(const Node &node, F &&f) {
  walk(node, [&](const Expr &expr) {
    if (const auto *name = llvm::dyn_cast<Name>(&expr))
      f(name->text, name->range);
    else if (const auto *string = llvm::dyn_cast<String>(&expr))
      for (const String::Piece &piece : string->pieces)
        if (piece.isName)
          f(piece.text, piece.range);
  });
}

} // namespace pgc::ast
