#include "compiler/frontend/Parser.h"

#include "Texts.h"

#include "gtest/gtest.h"

#include <string>

using namespace pgc;

namespace {
/// An expression as it is printed again, or the first message.
std::string expr(const std::string &text) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  FileId id = sources.addBuffer("x.pgm", "x=" + text);
  std::unique_ptr<ast::Let> let =
      parseDefine(id, 0, uint32_t(text.size() + 2), diagnostics);
  if (diagnostics.hasErrors())
    return diagnostics.all().front().message;
  return print(*let->value);
}

/// All messages of a file, a line each, with line and column.
std::string errors(const std::string &text) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  FileId id = sources.addBuffer("x", text);
  parseFile(id, diagnostics);
  diagnostics.sortByPlace(0);
  std::string result;
  for (const Diagnostic &diagnostic : diagnostics.all()) {
    LineColumn at = sources.lineColumn(id, diagnostic.range.begin);
    result += std::to_string(at.line) + ":" + std::to_string(at.column) + " " +
              diagnostic.message + "\n";
  }
  return result;
}

std::string repeat(const std::string &text, size_t times) {
  std::string result;
  for (size_t i = 0; i < times; ++i)
    result += text;
  return result;
}
} // namespace

TEST(Parser, Precedence) {
  EXPECT_EQ(expr("((a))"), "a");
  EXPECT_EQ(expr("(a*b)+c"), "a * b + c");
  EXPECT_EQ(expr("a*(b+c)"), "a * (b + c)");
  EXPECT_EQ(expr("a-(b-c)"), "a - (b - c)");
  EXPECT_EQ(expr("(a-b)-c"), "a - b - c");
  EXPECT_EQ(expr("-a^b"), "-a ^ b");
  EXPECT_EQ(expr("(-a)^b"), "(-a) ^ b");
  EXPECT_EQ(expr("a^-b^c"), "a ^ -b ^ c");
  EXPECT_EQ(expr("(a^b)^c"), "(a ^ b) ^ c");
  EXPECT_EQ(expr("a- -b"), "a - -b");
  EXPECT_EQ(expr("-a*b"), "-a * b");
  EXPECT_EQ(expr("-(a*b)"), "-(a * b)");
  EXPECT_EQ(expr("a@b//c%d"), "a @ b // c % d");
  EXPECT_EQ(expr("a@(b//c)"), "a @ (b // c)");
  EXPECT_EQ(expr("not a==b or c and not d"), "not a == b or c and not d");
  EXPECT_EQ(expr("(not a)==b"), "(not a) == b");
  EXPECT_EQ(expr("a and (b or c)"), "a and (b or c)");
  EXPECT_EQ(expr("(a==b)==c"), "(a == b) == c");
  EXPECT_EQ(expr("0..n"), "0..n");
  EXPECT_EQ(expr("0..n+1"), "0 .. n + 1");
  EXPECT_EQ(expr("(0..2)+3*(2..4)"), "(0..2) + 3 * (2..4)");
  EXPECT_EQ(expr("a..b==c"), "a..b == c");
  EXPECT_EQ(expr("if a then b else if c then d else e"),
            "if a then b else if c then d else e");
  EXPECT_EQ(expr("(if a then b else c)+1"), "(if a then b else c) + 1");
  EXPECT_EQ(expr("f(x)(y)[0](z=1,)"), "f(x)(y)[0](z = 1)");
  EXPECT_EQ(expr("(a+b)(c)"), "(a + b)(c)");
  EXPECT_EQ(expr("x[...,0..12]"), "x[..., 0..12]");
  EXPECT_EQ(expr("x[k+1..,2,]"), "x[k + 1.., 2]");
  EXPECT_EQ(expr("[...,h,d]"), "[..., h, d]");
  EXPECT_EQ(expr("[]"), "[]");
  EXPECT_EQ(expr("[for j in 0..n:j^2]"), "[for j in 0..n: j ^ 2]");
}

TEST(Parser, ExpressionErrors) {
  EXPECT_EQ(expr("a<b<c"), "comparisons do not chain");
  EXPECT_EQ(expr("a..b..c"), "ranges do not chain");
  EXPECT_EQ(expr("[a..]"), "this range has no end");
  EXPECT_EQ(expr("x[]"), "expected an index");
  EXPECT_EQ(expr("x[a, ...]"), "'...' stands before all other indices");
  EXPECT_EQ(expr("x[a or b..]"),
            "the '..' of an open range stands behind a sum");
  EXPECT_EQ(expr("x[(a or b)..]"), "x[(a or b)..]");
  EXPECT_EQ(expr("1 + if a then b else c"),
            "expected an expression, found 'if'");
  EXPECT_EQ(expr("if a then b"), "expected 'else', found the end of the file");
  EXPECT_EQ(expr("a ** b"), "expected an expression, found '*'");
  EXPECT_EQ(expr("+a"), "expected an expression, found '+'");
  EXPECT_EQ(expr("f(a"), "expected ')', found the end of the file");
  EXPECT_EQ(expr("\"{i} {a.b}\""), "\"{i} {a.b}\"");
  EXPECT_EQ(expr("\"{i + 1}\""),
            "'{' in a string takes the name of a value, and a '}'");
  EXPECT_EQ(expr("\"{i\""),
            "'{' in a string takes the name of a value, and a '}'");
  EXPECT_EQ(expr("\"{}\""),
            "'{' in a string takes the name of a value, and a '}'");
}

TEST(Parser, Limits) {
  const std::string deep = "expressions nest more than 64 deep";
  EXPECT_EQ(expr(repeat("(", 60) + "a" + repeat(")", 60)), "a");
  EXPECT_EQ(expr(repeat("(", 100000)), deep);
  EXPECT_EQ(expr(repeat("[", 100000)), deep);
  EXPECT_EQ(expr(repeat("-", 100000)), deep);
  EXPECT_EQ(expr(repeat("not ", 100000)), deep);
  EXPECT_EQ(expr(repeat("a^", 100000)), deep);
  EXPECT_EQ(expr(repeat("f(", 100000)), deep);
  EXPECT_EQ(expr(repeat("x[", 100000)), deep);
  EXPECT_EQ(expr(repeat("if a then b else ", 100000)), deep);
  const std::string high =
      "more than 256 operators and calls in one expression";
  EXPECT_EQ(expr(repeat("a + ", 100) + "a"), repeat("a + ", 100) + "a");
  EXPECT_EQ(expr(repeat("a + ", 100000) + "a"), high);
  EXPECT_EQ(expr("a" + repeat("()", 100000)), high);
  EXPECT_EQ(expr("a" + repeat("[0]", 100000)), high);
  EXPECT_EQ(expr("[" + repeat("1,", 65537) + "]"),
            "a list has more than 65536 elements");
  EXPECT_EQ(expr("[" + repeat("1,", 65536) + "]").size(), 65536u * 3);
  EXPECT_EQ(errors("fn f() " + repeat("{ if a ", 100)).substr(0, 32),
            "1:456 blocks nest more than 64 d");
  EXPECT_EQ(
      errors("fn f() { if a { }" + repeat(" else if a { }", 100)).substr(0, 5),
      "1:897");
}

TEST(Parser, GoesOnBehindErrors) {
  // The missing ';' is reported behind the last token, and the next line is
  // read as if it stood there.
  EXPECT_EQ(errors("let a = 1\nlet b = ;\nlet c = 2;\nlet d 3;"),
            "1:10 expected ';' after this definition\n"
            "2:9 expected an expression, found ';'\n"
            "4:7 expected '=' and a value, found '3'\n");
  // What is wrong in a head takes its block along.
  EXPECT_EQ(errors("fn f(x y) { return 1; }\nfn g() { return }"),
            "1:8 expected ')', found 'y'\n"
            "2:17 expected an expression, found '}'\n");
  EXPECT_EQ(
      errors("fn f() {\n let x = 1 2;\n let y = 3 4; return 5 }\nlet z = ;"),
      "2:11 expected ';' after this statement\n"
      "3:11 expected ';' after this statement\n"
      "3:23 expected ';' after this statement\n"
      "4:9 expected an expression, found ';'\n");
  // A '}' that is missing is noticed where a section begins, and the section is
  // read.
  EXPECT_EQ(errors("fn f() {\n return 1;\nmodel { output x = ; }\nlet y = ;"),
            "3:1 expected '}', found 'model'\n"
            "3:20 expected an expression, found ';'\n"
            "4:9 expected an expression, found ';'\n");
  EXPECT_EQ(errors("let a = 1; };\nlet b = ;"),
            "1:12 there is nothing that this '}' closes\n"
            "1:13 there is nothing that this ';' ends\n"
            "2:9 expected an expression, found ';'\n");
}

TEST(Parser, Statements) {
  EXPECT_EQ(errors("fn f(x) { x = 3; }"),
            "1:11 expected a statement, found 'x'\n");
  EXPECT_EQ(errors("fn f(x = 1) { return x; }"),
            "1:8 parameters have no defaults\n");
  EXPECT_EQ(errors("fn f(x, x) { return x; }"),
            "1:9 'x' is already a parameter of this function\n");
  EXPECT_EQ(errors("fn f() { if a = 1 { } }"),
            "1:15 expected '{', found '='\n");
  EXPECT_EQ(errors("fn f() { if a then 1 else 2; }"),
            "1:15 expected '{', found 'then'\n");
  EXPECT_EQ(errors("fn f() { output x = 1; }"),
            "1:10 outputs are declared in 'model', outside of functions\n");
  EXPECT_EQ(errors("fn f() { switch s = 1; }"),
            "1:10 a switch is declared in 'train'\n");
  EXPECT_EQ(errors("fn f() { let state = 1; }"),
            "1:14 expected a name, found 'state'\n");
  EXPECT_EQ(errors("model { return 1; }"),
            "1:9 'model' returns nothing; it declares outputs\n");
  EXPECT_EQ(errors("param w : [1] = 0;"),
            "1:18 expected 'in' and a group, found ';'\n");
  EXPECT_EQ(errors("assert 1;"), "1:9 expected ',' and a message, found ';'\n");
  EXPECT_EQ(errors("let [a, b] = c;"),
            "1:6 at the top level a 'let' takes one name\n");
  EXPECT_EQ(errors("override include \"x\";"),
            "1:1 an include overrides nothing by itself\n");
  EXPECT_EQ(errors("override assert 1, \"x\";"),
            "1:1 an assertion cannot be overridden\n");
  EXPECT_EQ(errors("x = 1;"), "1:1 expected a definition, found 'x'\n");
  EXPECT_EQ(errors("return 1;"), "1:1 expected a definition, found 'return'\n");
}

TEST(Parser, Items) {
  EXPECT_EQ(errors("train { matrix => half; }"),
            "1:19 the right side of '=>' is a call\n");
  EXPECT_EQ(errors("train { matrix; }"), "1:9 expected an item of 'train'\n");
  EXPECT_EQ(errors("train { matrix half(); }"),
            "1:16 expected '=>' or '(', found 'half'\n");
  EXPECT_EQ(errors("train { param x : [] = 0 in g; }"),
            "1:9 expected an item of 'train', found 'param'\n");
  EXPECT_EQ(errors("pack { switch s = 1; }"),
            "1:8 a switch is declared in 'train'\n");
  EXPECT_EQ(errors("train { inherited(1); }"),
            "1:19 in a section 'inherited()' takes no arguments\n");
  EXPECT_EQ(errors("evaluate { trained => ttt(a = 1) { inherited(); } }"),
            "1:36 'inherited();' stands directly in a section\n");
}

TEST(Parser, Ranges) {
  const std::string text = "let y = (a + b) * f(x, n = 2)[1..];";
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  FileId id = sources.addBuffer("x", text);
  std::unique_ptr<ast::File> file = parseFile(id, diagnostics);
  const auto &let =
      *llvm::cast<ast::Let>(file->elements.at(0).definition.get());
  const auto &product = *llvm::cast<ast::Binary>(let.value.get());
  EXPECT_EQ(sources.text(let.range), "y = (a + b) * f(x, n = 2)[1..]");
  EXPECT_EQ(sources.text(product.range), "(a + b) * f(x, n = 2)[1..]");
  EXPECT_EQ(sources.text(product.opRange), "*");
  EXPECT_EQ(sources.text(product.left->range),
            "a + b"); // without the parentheses
  const auto &index = *llvm::cast<ast::Index>(product.right.get());
  EXPECT_EQ(sources.text(index.indices.at(0)->range), "1..");
  EXPECT_EQ(sources.text(index.base->range), "f(x, n = 2)");
}
