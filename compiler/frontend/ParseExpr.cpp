// Expressions of the grammar.
#include "compiler/frontend/ParserImpl.h"

using namespace pgc;
using namespace pgc::ast;
using llvm::dyn_cast;
using llvm::isa;

bool Parser::tooDeep() {
  if (nesting <= maxNesting)
    return false;
  fail(peek().range, "expressions nest more than " + std::to_string(maxNesting) + " deep",
       "name a part of it with 'let'");
  return true;
}

bool Parser::checkHeight(Parsed &parsed) {
  if (parsed.height <= maxHeight)
    return true;
  fail(previous().range, "more than " + std::to_string(maxHeight) + " operators and calls in one expression",
       "name a part of it with 'let'");
  parsed.expr = nullptr;
  return false;
}

Parser::Parsed Parser::makeBinary(Parsed left, BinaryOp op, SourceRange opRange, Parsed right) {
  auto node = std::make_unique<Binary>(SourceRange{file, left.begin, previous().range.end});
  node->op = op;
  node->opRange = opRange;
  node->left = std::move(left.expr);
  node->right = std::move(right.expr);
  Parsed result{std::move(node), left.begin, 1 + std::max(left.height, right.height)};
  checkHeight(result);
  return result;
}

Parser::Parsed Parser::parseExpression() {
  NestingGuard guard(nesting);
  if (tooDeep())
    return {};
  return at(TokenKind::If) ? parseConditional() : parseBinary(0);
}

Parser::Parsed Parser::parseConditional() {
  uint32_t begin = take().range.begin;
  auto node = std::make_unique<Conditional>(SourceRange());
  unsigned height = 0;
  auto part = [&](ExprPtr &into) {
    Parsed parsed = parseExpression();
    height = std::max(height, parsed.height);
    into = std::move(parsed.expr);
    return into != nullptr;
  };
  if (!part(node->condition) || !expect(TokenKind::Then, "behind the condition") || !part(node->thenValue))
    return {};
  if (!at(TokenKind::Else))
    return failExpected("'else'", "an 'if' expression has both values: if c then a else b"), Parsed{};
  take();
  if (!part(node->elseValue))
    return {};
  node->range = since(begin);
  Parsed result{std::move(node), begin, height + 1};
  checkHeight(result);
  return result;
}

namespace {
struct Operator {
  TokenKind token;
  BinaryOp op;
};
constexpr Operator orLevel[] = {{TokenKind::Or, BinaryOp::Or}};
constexpr Operator andLevel[] = {{TokenKind::And, BinaryOp::And}};
constexpr Operator comparisons[] = {{TokenKind::EqualEqual, BinaryOp::Equal},   {TokenKind::NotEqual, BinaryOp::NotEqual},
                                    {TokenKind::Less, BinaryOp::Less},          {TokenKind::LessEqual, BinaryOp::LessEqual},
                                    {TokenKind::Greater, BinaryOp::Greater},    {TokenKind::GreaterEqual, BinaryOp::GreaterEqual}};
constexpr Operator sums[] = {{TokenKind::Plus, BinaryOp::Add}, {TokenKind::Minus, BinaryOp::Subtract}};
constexpr Operator terms[] = {{TokenKind::Star, BinaryOp::Multiply},
                              {TokenKind::Slash, BinaryOp::Divide},
                              {TokenKind::SlashSlash, BinaryOp::FloorDivide},
                              {TokenKind::Percent, BinaryOp::Modulo},
                              {TokenKind::At, BinaryOp::MatMul}};

template <size_t N> const Operator *findOperator(const Operator (&table)[N], TokenKind token) {
  for (const Operator &entry : table)
    if (entry.token == token)
      return &entry;
  return nullptr;
}

/// The left-associative levels: 0 or, 1 and, 2 sum, 3 term.
const Operator *operatorAt(unsigned level, TokenKind token) {
  switch (level) {
  case 0:
    return findOperator(orLevel, token);
  case 1:
    return findOperator(andLevel, token);
  case 2:
    return findOperator(sums, token);
  default:
    return findOperator(terms, token);
  }
}
} // namespace

const char *ast::spelling(BinaryOp op) {
  switch (op) {
  case BinaryOp::Or:
    return "or";
  case BinaryOp::And:
    return "and";
  case BinaryOp::Equal:
    return "==";
  case BinaryOp::NotEqual:
    return "!=";
  case BinaryOp::Less:
    return "<";
  case BinaryOp::LessEqual:
    return "<=";
  case BinaryOp::Greater:
    return ">";
  case BinaryOp::GreaterEqual:
    return ">=";
  case BinaryOp::Add:
    return "+";
  case BinaryOp::Subtract:
    return "-";
  case BinaryOp::Multiply:
    return "*";
  case BinaryOp::Divide:
    return "/";
  case BinaryOp::FloorDivide:
    return "//";
  case BinaryOp::Modulo:
    return "%";
  case BinaryOp::MatMul:
    return "@";
  case BinaryOp::Power:
    return "^";
  }
  return "";
}

Parser::Parsed Parser::parseBinary(unsigned level) {
  auto operand = [&]() -> Parsed {
    switch (level) {
    case 0:
      return parseBinary(1);
    case 1:
      return parseNot();
    case 2:
      return parseBinary(3);
    default:
      return parseUnary();
    }
  };
  Parsed left = operand();
  while (left) {
    const Operator *found = operatorAt(level, peek().kind);
    if (!found)
      break;
    SourceRange opRange = take().range;
    Parsed right = operand();
    if (!right)
      return {};
    left = makeBinary(std::move(left), found->op, opRange, std::move(right));
  }
  return left;
}

Parser::Parsed Parser::parseNot() {
  if (!at(TokenKind::Not))
    return parseComparison();
  NestingGuard guard(nesting);
  if (tooDeep())
    return {};
  SourceRange opRange = take().range;
  Parsed operand = parseNot();
  if (!operand)
    return {};
  auto node = std::make_unique<Unary>(since(opRange.begin));
  node->op = UnaryOp::Not;
  node->opRange = opRange;
  node->operand = std::move(operand.expr);
  Parsed result{std::move(node), opRange.begin, operand.height + 1};
  checkHeight(result);
  return result;
}

Parser::Parsed Parser::parseComparison() {
  Parsed left = parseRange();
  const Operator *found = left ? findOperator(comparisons, peek().kind) : nullptr;
  if (!found)
    return left;
  SourceRange opRange = take().range;
  Parsed right = parseRange();
  if (!right)
    return {};
  Parsed result = makeBinary(std::move(left), found->op, opRange, std::move(right));
  if (findOperator(comparisons, peek().kind)) {
    fail(peek().range, "comparisons do not chain", "write  a < b and b < c,  or put one of them in parentheses");
    return {};
  }
  return result;
}

bool Parser::atOpenRange() const {
  return at(TokenKind::DotDot) && (peek(1).kind == TokenKind::Comma || peek(1).kind == TokenKind::RightBracket);
}

Parser::Parsed Parser::parseRange() {
  Parsed begin = parseBinary(2);
  if (!begin || !at(TokenKind::DotDot) || atOpenRange())
    return begin;
  SourceRange opRange = take().range;
  Parsed end = parseBinary(2);
  if (!end)
    return {};
  if (at(TokenKind::DotDot)) {
    fail(peek().range, "ranges do not chain");
    return {};
  }
  auto node = std::make_unique<Range>(since(begin.begin));
  node->opRange = opRange;
  node->begin = std::move(begin.expr);
  node->end = std::move(end.expr);
  Parsed result{std::move(node), begin.begin, 1 + std::max(begin.height, end.height)};
  checkHeight(result);
  return result;
}

Parser::Parsed Parser::parseUnary() {
  if (!at(TokenKind::Minus))
    return parsePower();
  NestingGuard guard(nesting);
  if (tooDeep())
    return {};
  SourceRange opRange = take().range;
  Parsed operand = parseUnary();
  if (!operand)
    return {};
  auto node = std::make_unique<Unary>(since(opRange.begin));
  node->opRange = opRange;
  node->operand = std::move(operand.expr);
  Parsed result{std::move(node), opRange.begin, operand.height + 1};
  checkHeight(result);
  return result;
}

Parser::Parsed Parser::parsePower() {
  Parsed base = parsePostfix();
  if (!base || !at(TokenKind::Caret))
    return base;
  NestingGuard guard(nesting);
  if (tooDeep())
    return {};
  SourceRange opRange = take().range;
  Parsed exponent = parseUnary();
  if (!exponent)
    return {};
  return makeBinary(std::move(base), BinaryOp::Power, opRange, std::move(exponent));
}

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
      fail(argument.value->range, "a call has more than " + std::to_string(maxListElements) + " arguments");
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
  bool isSum = !(binary && binary->op < BinaryOp::Add) && !(unary && unary->op == UnaryOp::Not) &&
               !isa<Conditional, Range>(element.expr.get());
  if (!isSum && !element.isParenthesised()) {
    fail(peek().range, "the '..' of an open range stands behind a sum", "put what is before it in parentheses");
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
      fail(node->indices.back()->range, "more than " + std::to_string(maxListElements) + " indices");
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
  auto leaf = [&](ExprPtr node) { return Parsed{std::move(node), token.range.begin, 1}; };
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
    failExpected("an expression", "put an 'if' expression that is part of another one in parentheses");
    return {};
  case TokenKind::Not:
    failExpected("an expression", "put a 'not' that is part of another expression in parentheses");
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
    if (!parseName(node->variable, "a name for the element") || !expect(TokenKind::In))
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
    Parsed result{std::move(node), opener.begin, 1 + std::max(list.height, element.height)};
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
        fail(peek().range, "this range has no end", "only in an index may the end be left out: x[k..]");
        return {};
      }
      height = std::max(height, element.height);
      node->elements.push_back(std::move(element.expr));
    }
    if (node->elements.size() > maxListElements) {
      fail(node->elements.back()->range, "a list has more than " + std::to_string(maxListElements) + " elements");
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
  auto place = [&](size_t begin, size_t end) { return SourceRange{file, uint32_t(base + begin), uint32_t(base + end)}; };
  auto isNameStart = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  auto isNameChar = [&](char c) { return isNameStart(c) || (c >= '0' && c <= '9'); };
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '{') {
      size_t end = std::min(text.find('{', i), text.size());
      node->pieces.push_back({false, std::string(text.substr(i, end - i)), place(i, end)});
      i = end;
      continue;
    }
    size_t end = i + 1;
    while (end < text.size() &&
           (isNameStart(text[end]) || (end > i + 1 && isNameChar(text[end])) ||
            (text[end] == '.' && end > i + 1 && text[end - 1] != '.' && end + 1 < text.size() && isNameStart(text[end + 1]))))
      ++end;
    if (end == i + 1 || end == text.size() || text[end] != '}') {
      size_t close = text.find('}', i);
      fail(place(i, close == text.npos ? i + 1 : close + 1), "'{' in a string takes the name of a value, and a '}'",
                             "for the value of an expression, name it with 'let'");
      return nullptr;
    }
    node->pieces.push_back({true, std::string(text.substr(i + 1, end - i - 1)), place(i + 1, end)});
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
      fail(pattern.sizes.back()->range, "a shape has more than " + std::to_string(maxListElements) + " sizes");
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
