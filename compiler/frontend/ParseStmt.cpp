// Statements of the grammar.
#include "compiler/frontend/ParserImpl.h"

#include <utility>

using namespace pgc;
using namespace pgc::ast;

bool Parser::parseName(Identifier &name, const char *what) {
  const Token &token = peek();
  if (token.kind != TokenKind::Name) {
    bool isWord =
        token.kind >= TokenKind::Include && token.kind <= TokenKind::Evaluate;
    return failExpected(what, isWord ? std::string(describe(token.kind)) +
                                           " is a reserved word"
                                     : "");
  }
  take();
  name = {std::string(token.text), token.range};
  return true;
}

std::unique_ptr<Let> Parser::parseBinding() {
  uint32_t begin = peek().range.begin;
  auto node = std::make_unique<Let>(SourceRange());
  if (at(TokenKind::LeftBracket)) {
    SourceRange opener = take().range;
    node->takesApart = true;
    do {
      if (at(TokenKind::RightBracket) && !node->targets.empty())
        break;
      node->targets.emplace_back();
      if (!parseName(node->targets.back(), "a name"))
        return nullptr;
      if (node->targets.size() > maxListElements)
        return fail(previous().range, "too many names"), nullptr;
    } while (accept(TokenKind::Comma));
    if (!expectClosing(TokenKind::RightBracket, opener))
      return nullptr;
  } else {
    node->targets.emplace_back();
    if (!parseName(node->targets.back(), "a name"))
      return nullptr;
  }
  if (accept(TokenKind::Colon)) {
    node->pattern = parsePattern();
    if (!node->pattern)
      return nullptr;
  }
  if (!expect(TokenKind::Equal, "and a value"))
    return nullptr;
  node->value = parseExpr();
  node->range = since(begin);
  return node->value ? std::move(node) : nullptr;
}

bool Parser::parseLet(std::vector<StmtPtr> &into, bool isTopLevel,
                      const char *what) {
  take();
  do {
    if (at(TokenKind::Semicolon) && previous().kind == TokenKind::Comma)
      break;
    std::unique_ptr<Let> binding = parseBinding();
    if (!binding)
      return false;
    if (isTopLevel && binding->takesApart)
      diagnostics
          .error(binding->targets.front().range,
                 "at the top level a 'let' takes one name")
          .help("write  let all = …, first = all[0];");
    else
      into.push_back(std::move(binding));
  } while (accept(TokenKind::Comma));
  return expectSemicolon(what);
}

std::unique_ptr<Fn> Parser::parseFn() {
  uint32_t begin = take().range.begin;
  auto node = std::make_unique<Fn>(SourceRange());
  if (!parseName(node->name, "the name of the function"))
    return nullptr;
  SourceRange opener = peek().range;
  if (!expect(TokenKind::LeftParen, "and parameters"))
    return nullptr;
  while (!at(TokenKind::RightParen)) {
    Formal formal;
    if (!parseName(formal.name, "the name of a parameter"))
      return nullptr;
    for (const Formal &other : node->formals)
      if (other.name.text == formal.name.text && formal.name.text != "_")
        diagnostics
            .error(formal.name.range,
                   "'" + formal.name.text +
                       "' is already a parameter of this function")
            .note(other.name.range, "here");
    if (accept(TokenKind::Colon)) {
      formal.pattern = parsePattern();
      if (!formal.pattern)
        return nullptr;
    }
    if (at(TokenKind::Equal))
      return fail(peek().range, "parameters have no defaults",
                  "give every argument in every call"),
             nullptr;
    node->formals.push_back(std::move(formal));
    if (node->formals.size() > maxListElements)
      return fail(previous().range, "too many parameters"), nullptr;
    if (!accept(TokenKind::Comma))
      break;
  }
  if (!expectClosing(TokenKind::RightParen, opener))
    return nullptr;
  if (accept(TokenKind::Under)) {
    node->under = parseExpr();
    if (!node->under)
      return nullptr;
  }
  Context outer = std::exchange(context, Context::Function);
  std::optional<Block> body = parseBlock();
  context = outer;
  if (!body)
    return nullptr;
  node->body = std::move(*body);
  node->range = since(begin);
  return node;
}

StmtPtr Parser::parseParam() {
  uint32_t begin = take().range.begin;
  auto node = std::make_unique<Param>(SourceRange());
  if (!parseName(node->name, "the name of the parameter"))
    return nullptr;
  if (at(TokenKind::String) && !(node->path = parseString()))
    return nullptr;
  if (!expect(TokenKind::Colon, "and a shape") || !(node->shape = parseExpr()))
    return nullptr;
  if (!expect(TokenKind::Equal, "and an initialiser") ||
      !(node->init = parseExpr()))
    return nullptr;
  if (!at(TokenKind::In))
    return failExpected("'in' and a group",
                        "param weight : [rows, columns] = 0 in matrix;"),
           nullptr;
  take();
  if (!parseName(node->group, "the name of a group") ||
      !expectSemicolon("parameter"))
    return nullptr;
  node->range = since(begin);
  return node;
}

StmtPtr Parser::parseState() {
  uint32_t begin = take().range.begin;
  auto node = std::make_unique<State>(SourceRange());
  if (!parseName(node->name, "the name of the state") ||
      !expect(TokenKind::Colon, "and a shape") ||
      !(node->shape = parseExpr()) ||
      !expect(TokenKind::Equal, "and the value at the start") ||
      !(node->init = parseExpr()) ||
      !expect(TokenKind::Then, "and the next value") ||
      !(node->next = parseExpr()) || !expectSemicolon("statement"))
    return nullptr;
  node->range = since(begin);
  return node;
}

StmtPtr Parser::parseAssert() {
  uint32_t begin = take().range.begin;
  auto node = std::make_unique<Assert>(SourceRange());
  if (!(node->condition = parseExpr()))
    return nullptr;
  if (!at(TokenKind::Comma))
    return failExpected("',' and a message",
                        "assert dim % 2 == 0, \"dim ({dim}) is odd\";"),
           nullptr;
  take();
  if (!(node->text = parseString()) || !expectSemicolon("assertion"))
    return nullptr;
  node->range = since(begin);
  return node;
}

StmtPtr Parser::parseOutput() {
  SourceRange word = take().range;
  auto node = std::make_unique<Output>(SourceRange());
  if (!parseName(node->name, "the name of the output") ||
      !expect(TokenKind::Equal, "and a value") ||
      !(node->value = parseExpr()) || !expectSemicolon("statement"))
    return nullptr;
  node->range = since(word.begin);
  if (context != Context::Model)
    diagnostics
        .error(word, "outputs are declared in 'model', outside of functions")
        .help("to name a value, write 'let'");
  return node;
}

StmtPtr Parser::parseReturn() {
  SourceRange word = take().range;
  auto node = std::make_unique<Return>(SourceRange());
  if (!(node->value = parseExpr()) || !expectSemicolon("statement"))
    return nullptr;
  node->range = since(word.begin);
  if (context == Context::Model)
    diagnostics.error(word, "'model' returns nothing; it declares outputs")
        .help("write  output logits = …;");
  return node;
}

StmtPtr Parser::parseIf() {
  uint32_t begin = take().range.begin;
  auto node = std::make_unique<If>(SourceRange());
  if (!(node->condition = parseExpr()))
    return nullptr;
  if (at(TokenKind::Then))
    return fail(peek().range, "expected '{', found 'then'",
                "an 'if' statement is  if c { … } else { … };  the expression  "
                "if c then a else b  is part of another statement"),
           nullptr;
  std::optional<Block> block = parseBlock();
  if (!block)
    return nullptr;
  node->thenBlock = std::move(*block);
  if (accept(TokenKind::Else)) {
    node->elseBlock.emplace();
    if (at(TokenKind::If)) {
      NestingGuard guard(blockNesting);
      if (blockNesting > maxNesting)
        return fail(peek().range, "blocks nest more than " +
                                      std::to_string(maxNesting) + " deep"),
               nullptr;
      StmtPtr inner = parseIf();
      if (!inner)
        return nullptr;
      node->elseIf = true;
      node->elseBlock->range = inner->range;
      node->elseBlock->statements.push_back(std::move(inner));
    } else {
      std::optional<Block> elseBlock = parseBlock();
      if (!elseBlock)
        return nullptr;
      *node->elseBlock = std::move(*elseBlock);
    }
  }
  node->range = since(begin);
  return node;
}

/// inherited(); in the block of model.
StmtPtr Parser::parseInherited() {
  uint32_t begin = take().range.begin;
  SourceRange opener = peek().range;
  if (!expect(TokenKind::LeftParen) ||
      !expectClosing(TokenKind::RightParen, opener) ||
      !expectSemicolon("statement"))
    return nullptr;
  return std::make_unique<Inherited>(since(begin));
}

bool Parser::parseStatement(std::vector<StmtPtr> &into) {
  auto add = [&](StmtPtr node) {
    return node && (into.push_back(std::move(node)), true);
  };
  switch (peek().kind) {
  case TokenKind::Let:
    return parseLet(into, false, "statement");
  case TokenKind::Fn:
    return add(parseFn());
  case TokenKind::Param:
    return add(parseParam());
  case TokenKind::State:
    return add(parseState());
  case TokenKind::Assert:
    return add(parseAssert());
  case TokenKind::Output:
    return add(parseOutput());
  case TokenKind::Return:
    return add(parseReturn());
  case TokenKind::If:
    return add(parseIf());
  case TokenKind::Override:
    return fail(peek().range,
                "only definitions at the top level can be overridden");
  case TokenKind::Switch:
    return fail(peek().range, "a switch is declared in 'train'");
  case TokenKind::Name:
    if (context == Context::Model && peek().text == "inherited" &&
        blockNesting == 1)
      return add(parseInherited());
    if (peek(1).kind == TokenKind::Equal)
      return failExpected(
          "a statement",
          "nothing is ever assigned; to name a value, write  let " +
              std::string(peek().text) + " = …;");
    return failExpected("a statement",
                        "what is computed needs a name, or a 'return'");
  default:
    return failExpected("a statement");
  }
}

std::optional<Block> Parser::parseBlock() {
  return parseBraces(
      [this](std::vector<StmtPtr> &into) { return parseStatement(into); });
}
