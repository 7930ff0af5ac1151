// PTX text to tokens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gpusim {

enum class TokenKind {
  End,
  Word,      ///< a name, an opcode with its modifiers, or a register
  Directive, ///< starts with a dot: .visible, .b32
  Integer,   ///< bits holds the value
  Float,     ///< bits holds a double's bits
  Float32,   ///< bits holds the 32 bits of 0f…
  String,
  Punctuation, ///< one character
};

struct Token {
  TokenKind kind = TokenKind::End;
  std::string text;
  uint64_t bits = 0;
  int line = 0;
  size_t begin = 0, end = 0; ///< place in the text, for messages
};

/// Throws Fault (Syntax) at a character that PTX does not have.
std::vector<Token> tokenize(const std::string &text);

} // namespace gpusim
