// Writes syntax trees; what AstPrinter.cpp (trees) and Flatten.cpp (whole
// programs) share.
#pragma once

#include "compiler/frontend/AstPrinter.h"

namespace pgc {

/// Writes trees; `inherited` is written as a name of the program.
class Printer {
public:
  /// What `inherited` is called in what is printed next, and whether it is a
  /// constant: "inherited()" is then the name.
  std::string inheritedName = "inherited";
  bool inheritedIsConstant = false;

  /// An expression, in parentheses if it binds less tightly than `atLeast` (a
  /// level of the grammar; 0: any).
  std::string text(const ast::Expr &expr, int atLeast = 0);
  void statement(const ast::Stmt &stmt, unsigned indent, std::string &out);
  std::string block(const ast::Block &block, unsigned indent, size_t column);
  std::string fn(const ast::Fn &fn, const std::string &name, unsigned indent);
  std::string let(const ast::Let &let, const std::string &name);
  std::string param(const ast::Param &param);
  std::string assertion(const ast::Assert &assertion);

  static constexpr size_t lineLength = 120;
  /// Breaks a line that is too long behind commas: at the outermost ones, as
  /// late as possible.
  static std::string wrap(std::string line, unsigned indent);

private:
  std::string bare(const ast::Expr &expr);
  std::string shape(const ast::Pattern &pattern);
  template <class List, class F> std::string join(const List &list, F &&each) {
    std::string result;
    for (const auto &element : list)
      result += (result.empty() ? "" : ", ") + each(element);
    return result;
  }
};

} // namespace pgc
