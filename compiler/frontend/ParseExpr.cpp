// Operators of the grammar: everything looser than calls and indices.
#include "compiler/frontend/ParserImpl.h"

using namespace pgc;
using namespace pgc::ast;

bool Parser::tooDeep() {
  if (nesting <= maxNesting)
    return false;
  fail(peek().range,
       "expressions nest more than " + std::to_string(maxNesting) + " deep",
       "name a part of it with 'let'");
  return true;
}

bool Parser::checkHeight(Parsed &parsed) {
  if (parsed.height <= maxHeight)
    return true;
  fail(previous().range,
       "more than " + std::to_string(maxHeight) +
           " operators and calls in one expression",
       "name a part of it with 'let'");
  parsed.expr = nullptr;
  return false;
}

Parser::Parsed Parser::makeBinary(Parsed left, BinaryOp op, SourceRange opRange,
                                  Parsed right) {
  auto node = std::make_unique<Binary>(
      SourceRange{file, left.begin, previous().range.end});
  node->op = op;
  node->opRange = opRange;
  node->left = std::move(left.expr);
  node->right = std::move(right.expr);
  Parsed result{std::move(node), left.begin,
                1 + std::max(left.height, right.height)};
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
  if (!part(node->condition) ||
      !expect(TokenKind::Then, "behind the condition") ||
      !part(node->thenValue))
    return {};
  if (!at(TokenKind::Else))
    return failExpected(
               "'else'",
               "an 'if' expression has both values: if c then a else b"),
           Parsed{};
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
constexpr Operator comparisons[] = {
    {TokenKind::EqualEqual, BinaryOp::Equal},
    {TokenKind::NotEqual, BinaryOp::NotEqual},
    {TokenKind::Less, BinaryOp::Less},
    {TokenKind::LessEqual, BinaryOp::LessEqual},
    {TokenKind::Greater, BinaryOp::Greater},
    {TokenKind::GreaterEqual, BinaryOp::GreaterEqual}};
constexpr Operator sums[] = {{TokenKind::Plus, BinaryOp::Add},
                             {TokenKind::Minus, BinaryOp::Subtract}};
constexpr Operator terms[] = {{TokenKind::Star, BinaryOp::Multiply},
                              {TokenKind::Slash, BinaryOp::Divide},
                              {TokenKind::SlashSlash, BinaryOp::FloorDivide},
                              {TokenKind::Percent, BinaryOp::Modulo},
                              {TokenKind::At, BinaryOp::MatMul}};

template <size_t N>
const Operator *findOperator(const Operator (&table)[N], TokenKind token) {
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
  const Operator *found =
      left ? findOperator(comparisons, peek().kind) : nullptr;
  if (!found)
    return left;
  SourceRange opRange = take().range;
  Parsed right = parseRange();
  if (!right)
    return {};
  Parsed result =
      makeBinary(std::move(left), found->op, opRange, std::move(right));
  if (findOperator(comparisons, peek().kind)) {
    fail(peek().range, "comparisons do not chain",
         "write  a < b and b < c,  or put one of them in parentheses");
    return {};
  }
  return result;
}

bool Parser::atOpenRange() const {
  return at(TokenKind::DotDot) && (peek(1).kind == TokenKind::Comma ||
                                   peek(1).kind == TokenKind::RightBracket);
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
  Parsed result{std::move(node), begin.begin,
                1 + std::max(begin.height, end.height)};
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
  return makeBinary(std::move(base), BinaryOp::Power, opRange,
                    std::move(exponent));
}
