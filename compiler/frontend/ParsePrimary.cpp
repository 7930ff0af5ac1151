// Primary expressions, calls, indices, lists, strings and shape patterns of the
// grammar.
#include "compiler/frontend/ParserImpl.h"

using namespace pgc;
using namespace pgc::ast;
using llvm::dyn_cast;
using llvm::isa;

Parser::Parsed Parser::parsePostfix() {
  Parsed result = parsePrimary();
  while (result) {
    if (at(TokenKind::LeftParen))
      result = parseCall(std::move(result));
    else if (at(TokenKind::LeftBracket))
      result = parseIndex(std::move(result));
    else
      break;
  }
  return result;
}

Parser::Parsed Parser::parseCall(Parsed callee) {
  SourceRange opener = take().range;
  auto node = std::make_unique<Call>(SourceRange());
  node->callee = std::move(callee.expr);
  unsigned height = callee.height;
  while (!at(TokenKind::RightParen)) {
    Argument argument;
    if (at(TokenKind::Name) && peek(1).kind == TokenKind::Equal) {
      const Token &name = take();
      argument.name = {std::string(name.text), name.range};
      take();
    }
    Parsed value = parseExpression();
    if (!value)
      return {};
    height = std::max(height, value.height);
    argument.value = std::move(value.expr);
    if (node->arguments.size() == maxListElements) {
      fail(argument.value->range, "a call has more than " +
                                      std::to_string(maxListElements) +
                                      " arguments");
      return {};
    }
    node->arguments.push_back(std::move(argument));
    if (!accept(TokenKind::Comma))
      break;
  }
  if (!expectClosing(TokenKind::RightParen, opener))
    return {};
  node->range = since(callee.begin);
  Parsed result{std::move(node), callee.begin, height + 1};
  checkHeight(result);
  return result;
}

Parser::Parsed Parser::parseIndexElement() {
  uint32_t start = peek().range.begin;
  Parsed element = parseExpression();
  if (!element || !at(TokenKind::DotDot))
    return element;
  // x[k..]: behind a sum only, as in a closed range.
  const auto *binary = dyn_cast<Binary>(element.expr.get());
  const auto *unary = dyn_cast<Unary>(element.expr.get());
  bool isSum = !(binary && binary->op < BinaryOp::Add) &&
               !(unary && unary->op == UnaryOp::Not) &&
               !isa<Conditional, Range>(element.expr.get());
  if (!isSum && !element.isParenthesised()) {
    fail(peek().range, "the '..' of an open range stands behind a sum",
         "put what is before it in parentheses");
    return {};
  }
  SourceRange opRange = take().range;
  auto node = std::make_unique<Range>(since(start));
  node->opRange = opRange;
  node->begin = std::move(element.expr);
  Parsed result{std::move(node), start, element.height + 1};
  checkHeight(result);
  return result;
}

Parser::Parsed Parser::parseIndex(Parsed base) {
  SourceRange opener = take().range;
  auto node = std::make_unique<Index>(SourceRange());
  node->base = std::move(base.expr);
  unsigned height = base.height;
  if (at(TokenKind::RightBracket)) {
    fail(peek().range, "expected an index");
    return {};
  }
  while (!at(TokenKind::RightBracket)) {
    if (at(TokenKind::Ellipsis)) {
      if (!node->indices.empty()) {
        fail(peek().range, "'...' stands before all other indices");
        return {};
      }
      node->indices.push_back(std::make_unique<Ellipsis>(take().range));
    } else {
      Parsed element = parseIndexElement();
      if (!element)
        return {};
      height = std::max(height, element.height);
      node->indices.push_back(std::move(element.expr));
    }
    if (node->indices.size() > maxListElements) {
      fail(node->indices.back()->range,
           "more than " + std::to_string(maxListElements) + " indices");
      return {};
    }
    if (!accept(TokenKind::Comma))
      break;
  }
  if (!expectClosing(TokenKind::RightBracket, opener))
    return {};
  node->range = since(base.begin);
  Parsed result{std::move(node), base.begin, height + 1};
  checkHeight(result);
  return result;
}

Parser::Parsed Parser::parsePrimary() {
  const Token &token = peek();
  auto leaf = [&](ExprPtr node) {
    return Parsed{std::move(node), token.range.begin, 1};
  };
  switch (token.kind) {
  case TokenKind::Integer: {
    auto node = std::make_unique<Integer>(take().range);
    node->value = token.integer;
    node->spelling = token.text;
    return leaf(std::move(node));
  }
  case TokenKind::Float: {
    auto node = std::make_unique<Float>(take().range);
    node->value = token.real;
    node->spelling = token.text;
    return leaf(std::move(node));
  }
  case TokenKind::String: {
    std::unique_ptr<String> node = parseString();
    return node ? leaf(std::move(node)) : Parsed{};
  }
  case TokenKind::Name: {
    auto node = std::make_unique<Name>(take().range);
    node->text = token.text;
    return leaf(std::move(node));
  }
  case TokenKind::LeftParen: {
    take();
    Parsed inner = parseExpression();
    if (!inner || !expectClosing(TokenKind::RightParen, token.range))
      return {};
    inner.begin = token.range.begin;
    return inner;
  }
  case TokenKind::LeftBracket:
    return parseList();
  case TokenKind::Star:
    if (next > 0 && previous().kind == TokenKind::Star) {
      failExpected("an expression", "power is written '^'");
      return {};
    }
    break;
  case TokenKind::If:
    failExpected(
        "an expression",
        "put an 'if' expression that is part of another one in parentheses");
    return {};
  case TokenKind::Not:
    failExpected(
        "an expression",
        "put a 'not' that is part of another expression in parentheses");
    return {};
  case TokenKind::Ellipsis:
    failExpected("an expression", "'...' stands first in a shape or an index");
    return {};
  case TokenKind::Plus:
    failExpected("an expression", "there is no sign '+'");
    return {};
  default:
    break;
  }
  failExpected("an expression");
  return {};
}

Parser::Parsed Parser::parseList() {
  SourceRange opener = take().range;
  if (accept(TokenKind::For)) {
    auto node = std::make_unique<Comprehension>(SourceRange());
    if (!parseName(node->variable, "a name for the element") ||
        !expect(TokenKind::In))
      return {};
    Parsed list = parseExpression();
    if (!list || !expect(TokenKind::Colon, "behind the list"))
      return {};
    Parsed element = parseExpression();
    if (!element || !expectClosing(TokenKind::RightBracket, opener))
      return {};
    node->list = std::move(list.expr);
    node->element = std::move(element.expr);
    node->range = since(opener.begin);
    Parsed result{std::move(node), opener.begin,
                  1 + std::max(list.height, element.height)};
    checkHeight(result);
    return result;
  }
  auto node = std::make_unique<List>(SourceRange());
  unsigned height = 0;
  while (!at(TokenKind::RightBracket)) {
    if (at(TokenKind::Ellipsis) && node->elements.empty()) {
      node->elements.push_back(std::make_unique<Ellipsis>(take().range));
    } else {
      Parsed element = parseExpression();
      if (!element)
        return {};
      if (atOpenRange()) {
        fail(peek().range, "this range has no end",
             "only in an index may the end be left out: x[k..]");
        return {};
      }
      height = std::max(height, element.height);
      node->elements.push_back(std::move(element.expr));
    }
    if (node->elements.size() > maxListElements) {
      fail(node->elements.back()->range, "a list has more than " +
                                             std::to_string(maxListElements) +
                                             " elements");
      return {};
    }
    if (!accept(TokenKind::Comma))
      break;
  }
  if (!expectClosing(TokenKind::RightBracket, opener))
    return {};
  node->range = since(opener.begin);
  Parsed result{std::move(node), opener.begin, height + 1};
  checkHeight(result);
  return result;
}

std::unique_ptr<String> Parser::parseString() {
  if (!at(TokenKind::String)) {
    failExpected("a string");
    return nullptr;
  }
  const Token &token = take();
  auto node = std::make_unique<String>(token.range);
  std::string_view text = token.text.substr(1);
  if (!text.empty() && text.back() == token.text.front())
    text.remove_suffix(1);
  node->spelling = text;
  uint32_t base = token.range.begin + 1;
  auto place = [&](size_t begin, size_t end) {
    return SourceRange{file, uint32_t(base + begin), uint32_t(base + end)};
  };
  auto isNameStart = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  auto isNameChar = [&](char c) {
    return isNameStart(c) || (c >= '0' && c <= '9');
  };
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '{') {
      size_t end = std::min(text.find('{', i), text.size());
      node->pieces.push_back(
          {false, std::string(text.substr(i, end - i)), place(i, end)});
      i = end;
      continue;
    }
    size_t end = i + 1;
    while (end < text.size() &&
           (isNameStart(text[end]) || (end > i + 1 && isNameChar(text[end])) ||
            (text[end] == '.' && end > i + 1 && text[end - 1] != '.' &&
             end + 1 < text.size() && isNameStart(text[end + 1]))))
      ++end;
    if (end == i + 1 || end == text.size() || text[end] != '}') {
      size_t close = text.find('}', i);
      fail(place(i, close == text.npos ? i + 1 : close + 1),
           "'{' in a string takes the name of a value, and a '}'",
           "for the value of an expression, name it with 'let'");
      return nullptr;
    }
    node->pieces.push_back({true, std::string(text.substr(i + 1, end - i - 1)),
                            place(i + 1, end)});
    i = end + 1;
  }
  return node;
}

std::optional<Pattern> Parser::parsePattern() {
  SourceRange opener = peek().range;
  if (!expect(TokenKind::LeftBracket, "of a shape"))
    return std::nullopt;
  Pattern pattern;
  bool isFirst = true;
  while (!at(TokenKind::RightBracket)) {
    if (isFirst && at(TokenKind::Ellipsis)) {
      take();
      pattern.leadingEllipsis = true;
    } else {
      ExprPtr size = parseExpr();
      if (!size)
        return std::nullopt;
      pattern.sizes.push_back(std::move(size));
    }
    isFirst = false;
    if (pattern.sizes.size() > maxListElements) {
      fail(pattern.sizes.back()->range, "a shape has more than " +
                                            std::to_string(maxListElements) +
                                            " sizes");
      return std::nullopt;
    }
    if (!accept(TokenKind::Comma))
      break;
  }
  if (!expectClosing(TokenKind::RightBracket, opener))
    return std::nullopt;
  pattern.range = since(opener.begin);
  return pattern;
}

bool Pattern::isAny(const Expr &size) {
  const auto *name = dyn_cast<Name>(&size);
  return name && name->text == "_";
}

const std::string &Call::calleeName() const {
  static const std::string none;
  const auto *name = dyn_cast<Name>(callee.get());
  return name ? name->text : none;
}
