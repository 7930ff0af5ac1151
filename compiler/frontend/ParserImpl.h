// The parser's class; included by its two halves, ParseExpr.cpp and Parser.cpp,
// only.
#pragma once

#include "compiler/frontend/Lexer.h"
#include "compiler/frontend/Parser.h"

#include <string>

namespace pgc {

/// Counts a level of nesting while it lives.
struct NestingGuard {
  explicit NestingGuard(unsigned &counter) : counter(counter) { ++counter; }
  ~NestingGuard() { --counter; }
  unsigned &counter;
};

/// Whether a token stands at the top level of a file only.
inline bool startsTopLevel(TokenKind kind) {
  return kind == TokenKind::Include ||
         (kind >= TokenKind::Model && kind <= TokenKind::Evaluate);
}

class Parser {
public:
  Parser(FileId file, uint32_t begin, uint32_t end,
         DiagnosticEngine &diagnostics)
      : file(file), diagnostics(diagnostics),
        tokens(lex(file, begin, end, diagnostics)) {}

  std::unique_ptr<ast::File> parseFile();
  std::unique_ptr<ast::Let> parseDefine();

private:
  /// What a block belongs to: decides which statements it takes.
  enum class Context { Function, Model, Loss };

  // ---- tokens
  const Token &peek(size_t ahead = 0) const {
    return tokens[std::min(next + ahead, tokens.size() - 1)];
  }
  bool at(TokenKind kind) const { return peek().kind == kind; }
  const Token &previous() const { return tokens[next == 0 ? 0 : next - 1]; }
  const Token &take();
  bool accept(TokenKind kind) { return at(kind) && (take(), true); }
  /// The range from the token that starts at `begin` to the one taken last.
  SourceRange since(uint32_t begin) const {
    return {file, begin, std::max(begin, previous().range.end)};
  }

  // ---- errors: each returns false, and says nothing if the same token was
  // complained about already
  /// False if the token here was complained about already, or by the lexer.
  bool mayComplain();
  bool fail(SourceRange range, std::string message, std::string help = "");
  /// "expected ';' after this definition", pointing behind the last token, with
  /// the ';' to insert.
  bool expectSemicolon(const char *after);
  /// "expected <what>, found <token>".
  bool failExpected(const std::string &what, std::string help = "");
  bool expect(TokenKind kind, const char *context = "");
  /// Expects the sign that closes what `opener` opened.
  bool expectClosing(TokenKind kind, SourceRange opener);
  std::string found() const;
  void recover();
  /// Reports and takes a ';' that ends nothing.
  bool skipLoneSemicolon();
  bool tooDeep();

  // ---- expressions; null after an error
  /// An expression with where it starts, parentheses included, and how high its
  /// tree is.
  struct Parsed {
    ast::ExprPtr expr;
    uint32_t begin = 0;
    unsigned height = 1;
    explicit operator bool() const { return expr != nullptr; }
    bool isParenthesised() const { return begin != expr->range.begin; }
  };
  ast::ExprPtr parseExpr() { return parseExpression().expr; }
  Parsed parseExpression();
  Parsed parseConditional();
  Parsed parseBinary(unsigned level);
  Parsed parseNot();
  Parsed parseComparison();
  Parsed parseRange();
  Parsed parseUnary();
  Parsed parsePower();
  Parsed parsePostfix();
  Parsed parsePrimary();
  Parsed parseList();
  Parsed parseCall(Parsed callee);
  Parsed parseIndex(Parsed base);
  Parsed parseIndexElement();
  Parsed makeBinary(Parsed left, ast::BinaryOp op, SourceRange opRange,
                    Parsed right);
  bool checkHeight(Parsed &parsed);
  /// Whether the '..' here ends an open range: x[k..].
  bool atOpenRange() const;
  std::unique_ptr<ast::String> parseString();
  std::optional<ast::Pattern> parsePattern();

  // ---- statements
  bool parseName(ast::Identifier &name, const char *what);
  bool parseLet(std::vector<ast::StmtPtr> &into, bool isTopLevel,
                const char *what);
  std::unique_ptr<ast::Let> parseBinding();
  std::unique_ptr<ast::Fn> parseFn();
  ast::StmtPtr parseParam();
  ast::StmtPtr parseState();
  ast::StmtPtr parseAssert();
  ast::StmtPtr parseOutput();
  ast::StmtPtr parseReturn();
  ast::StmtPtr parseIf();
  ast::StmtPtr parseInherited();
  bool parseStatement(std::vector<ast::StmtPtr> &into);
  std::optional<ast::Block> parseBlock();
  bool parseItem(std::vector<ast::StmtPtr> &into);
  std::optional<ast::Block> parseItems();
  bool parseTopLevel(ast::File &into);
  std::unique_ptr<ast::Section> parseSection();
  /// Parses `{ element element ... }`, going on behind errors.
  template <class Element>
  std::optional<ast::Block> parseBraces(Element parseElement);

  FileId file;
  DiagnosticEngine &diagnostics;
  std::vector<Token> tokens;
  size_t next = 0;
  size_t complainedAt = ~size_t(0);
  unsigned nesting = 0;      ///< of expressions
  unsigned blockNesting = 0; ///< of blocks
  unsigned itemNesting = 0;  ///< of item blocks
  Context context = Context::Function;
  ast::SectionKind section =
      ast::SectionKind::Model; ///< of the items being parsed
};

template <class Element>
std::optional<ast::Block> Parser::parseBraces(Element parseElement) {
  NestingGuard guard(blockNesting);
  SourceRange opener = peek().range;
  if (!at(TokenKind::LeftBrace))
    return failExpected("'{'",
                        at(TokenKind::Equal) ? "to compare, write '=='" : ""),
           std::nullopt;
  take();
  if (blockNesting > maxNesting) {
    fail(opener,
         "blocks nest more than " + std::to_string(maxNesting) + " deep");
    return std::nullopt;
  }
  ast::Block block;
  while (!at(TokenKind::RightBrace) && !at(TokenKind::End) &&
         !startsTopLevel(peek().kind)) {
    if (skipLoneSemicolon())
      continue;
    if (!parseElement(block.statements))
      recover();
  }
  // At the start of a section or of an include only the '}' is missing: the
  // file goes on behind it.
  bool isClosed = expectClosing(TokenKind::RightBrace, opener);
  if (!isClosed && at(TokenKind::End))
    return std::nullopt;
  block.range = since(opener.begin);
  return block;
}

} // namespace pgc
