// Cuts a text into tokens: language.md section 1.
#pragma once

#include "compiler/frontend/Diagnostics.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace pgc {

enum class TokenKind {
  End, // of the text; its range is empty
  Name,
  Integer,
  Float,
  String,
  // words
  Include,
  Override,
  Let,
  Fn,
  Under,
  Param,
  In,
  State,
  Switch,
  Assert,
  Output,
  Return,
  If,
  Then,
  Else,
  For,
  And,
  Or,
  Not,
  Model,
  Loss,
  Train,
  Quantize,
  Pack,
  Evaluate,
  // signs
  Ellipsis,
  DotDot,
  Arrow,
  EqualEqual,
  NotEqual,
  LessEqual,
  GreaterEqual,
  SlashSlash,
  Plus,
  Minus,
  Star,
  Slash,
  Percent,
  Caret,
  At,
  Less,
  Greater,
  Equal,
  LeftParen,
  RightParen,
  LeftBracket,
  RightBracket,
  LeftBrace,
  RightBrace,
  Comma,
  Semicolon,
  Colon
};

/// How a kind is called in messages: "';'", "'include'", "a name".
const char *describe(TokenKind kind);

struct Token {
  TokenKind kind = TokenKind::End;
  SourceRange range;
  std::string_view text;   ///< as written; of a string: with its quotes
  int64_t integer = 0;     ///< of an Integer
  double real = 0;         ///< of a Float
  bool isDoubtful = false; ///< an error was reported about this token, or about
                           ///< what stands right before it
};

/// The tokens of the bytes [begin, end) of a buffer, the last one End. What is
/// no token is reported and left out; a number out of range is reported and
/// stands as 1.
std::vector<Token> lex(FileId file, uint32_t begin, uint32_t end,
                       DiagnosticEngine &diagnostics);

} // namespace pgc
