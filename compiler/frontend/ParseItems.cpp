// Sections and their items.
#include "compiler/frontend/ParserImpl.h"

using namespace pgc;
using namespace pgc::ast;

/// Takes the call out of an expression, or returns null.
static std::unique_ptr<Call> asCall(ExprPtr &expr) {
  if (!llvm::isa<Call>(expr.get()))
    return nullptr;
  return std::unique_ptr<Call>(llvm::cast<Call>(expr.release()));
}

bool Parser::parseItem(std::vector<StmtPtr> &into) {
  uint32_t begin = peek().range.begin;
  const char *name = spelling(section);
  switch (peek().kind) {
  case TokenKind::Let:
    return parseLet(into, false, "item");
  case TokenKind::Switch: {
    SourceRange word = take().range;
    auto node = std::make_unique<Switch>(SourceRange());
    if (!parseName(node->name, "the name of the switch") ||
        !expect(TokenKind::Equal, "and a condition") ||
        !(node->condition = parseExpr()) || !expectSemicolon("item"))
      return false;
    node->range = since(begin);
    if (section != SectionKind::Train)
      diagnostics.error(word, "a switch is declared in 'train'");
    else
      into.push_back(std::move(node));
    return true;
  }
  case TokenKind::Fn:
  case TokenKind::Param:
  case TokenKind::State:
  case TokenKind::Assert:
  case TokenKind::Output:
  case TokenKind::Return:
  case TokenKind::If:
  case TokenKind::Override:
    return fail(
        peek().range,
        std::string("expected an item of '") + name + "', found " + found(),
        "items are settings  word(…);  rules  who => what(…);  and 'let'");
  default:
    break;
  }
  Parsed left = parsePostfix();
  if (!left)
    return false;
  SourceRange leftRange = left.expr->range;
  if (!at(TokenKind::Arrow)) {
    bool isCallee = llvm::isa<Name>(left.expr.get());
    std::unique_ptr<Call> call = asCall(left.expr);
    if (!call)
      return fail(
          isCallee && !at(TokenKind::Semicolon) ? peek().range : leftRange,
          isCallee && !at(TokenKind::Semicolon)
              ? "expected '=>' or '(', found " + found()
              : std::string("expected an item of '") + name + "'",
          "items are settings  word(…);  rules  who => what(…);  and 'let'");
    if (!expectSemicolon("setting"))
      return false;
    if (call->calleeName() == "inherited") {
      if (!call->arguments.empty())
        diagnostics.error(call->arguments.front().value->range,
                          "in a section 'inherited()' takes no arguments");
      if (itemNesting > 1)
        diagnostics.error(call->range,
                          "'inherited();' stands directly in a section");
      else
        into.push_back(std::make_unique<Inherited>(since(begin)));
      return true;
    }
    auto node = std::make_unique<Setting>(since(begin));
    node->call = std::move(call);
    into.push_back(std::move(node));
    return true;
  }
  auto node = std::make_unique<Rule>(SourceRange());
  node->who = std::move(left.expr);
  node->arrowRange = take().range;
  Parsed right = parsePostfix();
  if (!right)
    return false;
  SourceRange rightRange = right.expr->range;
  std::string spelled(diagnostics.sources().text(rightRange));
  bool isName = llvm::isa<Name>(right.expr.get());
  node->what = asCall(right.expr);
  if (!node->what)
    return fail(rightRange, "the right side of '=>' is a call",
                isName ? "write  " + spelled + "(…)" : "");
  if (at(TokenKind::LeftBrace)) {
    node->items = parseItems();
    if (!node->items)
      return false;
  } else if (!expectSemicolon("rule")) {
    return false;
  }
  node->range = since(begin);
  into.push_back(std::move(node));
  return true;
}

std::optional<Block> Parser::parseItems() {
  NestingGuard guard(itemNesting);
  return parseBraces(
      [this](std::vector<StmtPtr> &into) { return parseItem(into); });
}

const char *ast::spelling(SectionKind kind) {
  static const char *const names[numSectionKinds] = {
      "model", "loss", "train", "quantize", "pack", "evaluate"};
  return names[unsigned(kind)];
}

std::unique_ptr<Section> Parser::parseSection() {
  auto node = std::make_unique<Section>();
  node->keywordRange = peek().range;
  node->kind = SectionKind(unsigned(take().kind) - unsigned(TokenKind::Model));
  std::optional<Block> body;
  if (node->kind == SectionKind::Model || node->kind == SectionKind::Loss) {
    context = node->kind == SectionKind::Model ? Context::Model : Context::Loss;
    body = parseBlock();
    context = Context::Function;
  } else {
    section = node->kind;
    body = parseItems();
  }
  if (!body)
    return nullptr;
  node->body = std::move(*body);
  node->range = since(node->keywordRange.begin);
  return node;
}
