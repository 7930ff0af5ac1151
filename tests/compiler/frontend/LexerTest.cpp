#include "compiler/frontend/Lexer.h"

#include "gtest/gtest.h"

#include <string>

using namespace pgc;

namespace {
/// The tokens' texts, set off by spaces, and behind them what was reported.
std::string lexed(const std::string &text) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  FileId id = sources.addBuffer("x.pgm", text);
  std::string result;
  for (const Token &token : lex(id, 0, uint32_t(text.size()), diagnostics))
    result += (result.empty() ? "" : " ") + std::string(token.text);
  for (const Diagnostic &diagnostic : diagnostics.all())
    result +=
        "\n" + sources.place(diagnostic.range) + ": " + diagnostic.message;
  return result;
}

Token first(const std::string &text) {
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  FileId id = sources.addBuffer("x.pgm", text);
  Token token = lex(id, 0, uint32_t(text.size()), diagnostics).front();
  EXPECT_FALSE(diagnostics.hasErrors()) << diagnostics.str();
  return token;
}
} // namespace

TEST(Lexer, DotsBelongToNamesAndNumbersOnlyInside) {
  EXPECT_EQ(lexed("1..2"), "1 .. 2 ");
  EXPECT_EQ(lexed("1.5..2.5"), "1.5 .. 2.5 ");
  EXPECT_EQ(lexed("a.b.c"), "a.b.c ");
  EXPECT_EQ(lexed("a..b"), "a .. b ");
  EXPECT_EQ(lexed("a.b..c.d"), "a.b .. c.d ");
  EXPECT_EQ(lexed("[...,x]"), "[ ... , x ] ");
  EXPECT_EQ(lexed("a."),
            "a \nx.pgm:1:2: a '.' stands within names and numbers only");
  EXPECT_EQ(lexed("a.1"),
            "a 1 \nx.pgm:1:2: a '.' stands within names and numbers only");
  EXPECT_EQ(lexed("1."),
            "1 \nx.pgm:1:2: a '.' stands within names and numbers only");
}

TEST(Lexer, Words) {
  EXPECT_EQ(first("output").kind, TokenKind::Output);
  EXPECT_EQ(first("loss.x").kind, TokenKind::Name);
  EXPECT_EQ(first("outputs").kind, TokenKind::Name);
  EXPECT_EQ(first("_").kind, TokenKind::Name);
}

TEST(Lexer, Numbers) {
  EXPECT_EQ(first("16_000_000").integer, 16000000);
  EXPECT_EQ(first("9223372036854775807").integer, INT64_MAX);
  EXPECT_EQ(first("0.35").real, 0.35);
  EXPECT_EQ(first("1e-7").real, 1e-7);
  EXPECT_EQ(first("1_0.5e1_0").real, 10.5e10);
  EXPECT_EQ(first("1e4").kind, TokenKind::Float);
  EXPECT_EQ(first("5e-324").real, 5e-324);
  EXPECT_EQ(lexed("9223372036854775808"),
            "9223372036854775808 \nx.pgm:1:1: integers have 64 bits; the "
            "largest is 9223372036854775807");
  EXPECT_EQ(
      lexed("1e999"),
      "1e999 \nx.pgm:1:1: this number is too large or too small for a float");
  EXPECT_EQ(
      lexed("1e-999"),
      "1e-999 \nx.pgm:1:1: this number is too large or too small for a float");
  EXPECT_EQ(lexed("12ab"), "12ab \nx.pgm:1:1: '12ab' is neither a number nor a "
                           "name; a name starts with a letter");
  EXPECT_EQ(lexed("1_"), "1_ \nx.pgm:1:1: '1_' is neither a number nor a name; "
                         "a name starts with a letter");
}

TEST(Lexer, SignsTakeTheLongest) {
  EXPECT_EQ(lexed("a//b/c=>d==e=f<=g<h!=i"),
            "a // b / c => d == e = f <= g < h != i ");
  EXPECT_EQ(lexed("!a"), "a \nx.pgm:1:1: '!' is no sign of the language");
  EXPECT_EQ(lexed("a && b"), "a b \nx.pgm:1:3: unexpected character '&'");
}

TEST(Lexer, StringsAndComments) {
  EXPECT_EQ(lexed("a # \"b\n\"c#d\" e"), "a \"c#d\" e ");
  EXPECT_EQ(
      lexed("\"open\nb"),
      "\"open b \nx.pgm:1:1: this string has no closing '\"' on its line");
  EXPECT_EQ(lexed("'a'"), "'a' \nx.pgm:1:1: strings stand in double quotes");
}

TEST(Lexer, TextIsUtf8) {
  EXPECT_EQ(lexed("# ü → …\n\"ü\""), "\"ü\" ");
  EXPECT_EQ(lexed("\xEF\xBB\xBF"
                  "a"),
            "a ");
  EXPECT_EQ(lexed("a ü b"), "a b \nx.pgm:1:3: unexpected character 'ü'");
  EXPECT_EQ(lexed("a # \xFF\nb"), "a \nx.pgm:1:5: this is not valid UTF-8");
  EXPECT_EQ(lexed("\xC0\x80"),
            "\nx.pgm:1:1: this is not valid UTF-8"); // overlong
  EXPECT_EQ(lexed("\xED\xA0\x80"),
            "\nx.pgm:1:1: this is not valid UTF-8"); // a surrogate
  EXPECT_EQ(lexed("\xF4\x90\x80\x80"),
            "\nx.pgm:1:1: this is not valid UTF-8"); // over U+10FFFF
  EXPECT_EQ(lexed(std::string("a\0b", 3)),
            "a b \nx.pgm:1:2: unexpected character 'U+0000'");
}
