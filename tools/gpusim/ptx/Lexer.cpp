#include "tools/gpusim/ptx/Lexer.h"

#include "tools/gpusim/core/Fault.h"

#include <cctype>
#include <cstdlib>
#include <cstring>

namespace gpusim {
namespace {

bool isNameStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '$' ||
         c == '%';
}
bool isNamePart(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$';
}

class Lexer {
public:
  explicit Lexer(const std::string &text) : text(text) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    for (;;) {
      skipBlank();
      Token token;
      token.line = line;
      token.begin = at;
      if (at >= text.size()) {
        token.end = at;
        tokens.push_back(token);
        return tokens;
      }
      lex(token);
      token.end = at;
      tokens.push_back(std::move(token));
    }
  }

private:
  char peek(size_t ahead = 0) const {
    return at + ahead < text.size() ? text[at + ahead] : '\0';
  }

  void skipBlank() {
    while (at < text.size()) {
      if (text[at] == '\n') {
        ++line;
        ++at;
      } else if (std::isspace(static_cast<unsigned char>(text[at])) ||
                 text[at] == '\0') {
        ++at;
      } else if (peek() == '/' && peek(1) == '/') {
        while (at < text.size() && text[at] != '\n')
          ++at;
      } else if (peek() == '/' && peek(1) == '*') {
        while (at < text.size() && !(peek() == '*' && peek(1) == '/')) {
          line += text[at] == '\n';
          ++at;
        }
        at += 2;
      } else {
        return;
      }
    }
  }

  // A word goes on over '.' and '::' where a name part follows.
  void lexWord(Token &token) {
    size_t start = at++;
    for (;;) {
      if (isNamePart(peek()))
        ++at;
      else if (peek() == '.' && isNamePart(peek(1)))
        at += 2;
      else if (peek() == ':' && peek(1) == ':' && isNamePart(peek(2)))
        at += 3;
      else
        break;
    }
    token.text = text.substr(start, at - start);
  }

  void lexNumber(Token &token) {
    const char *start = text.c_str() + at;
    char *end = nullptr;
    if (start[0] == '0' && (start[1] == 'f' || start[1] == 'F' ||
                            start[1] == 'd' || start[1] == 'D')) {
      bool single = start[1] == 'f' || start[1] == 'F';
      size_t digits = single ? 8 : 16;
      std::string body = text.substr(at + 2, digits);
      if (body.size() != digits ||
          body.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
        fail("a hexadecimal float of the wrong length");
      token.kind = single ? TokenKind::Float32 : TokenKind::Float;
      token.bits = std::strtoull(body.c_str(), nullptr, 16);
      at += 2 + digits;
      return;
    }
    token.kind = TokenKind::Integer;
    if (start[0] == '0' && (start[1] == 'b' || start[1] == 'B'))
      token.bits = std::strtoull(start + 2, &end, 2);
    else
      token.bits = std::strtoull(start, &end, 0);
    if (*end == '.' || *end == 'e' || *end == 'E') {
      double value = std::strtod(start, &end);
      token.kind = TokenKind::Float;
      std::memcpy(&token.bits, &value, 8);
    }
    if (*end == 'U' && token.kind == TokenKind::Integer)
      ++end;
    if (isNamePart(*end))
      fail("a malformed number");
    at += size_t(end - start);
  }

  void lex(Token &token) {
    char c = peek();
    if (isNameStart(c)) {
      token.kind = TokenKind::Word;
      lexWord(token);
    } else if (c == '.' && isNamePart(peek(1)) &&
               !std::isdigit(static_cast<unsigned char>(peek(1)))) {
      token.kind = TokenKind::Directive;
      lexWord(token);
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      lexNumber(token);
      token.text = text.substr(token.begin, at - token.begin);
    } else if (c == '"') {
      token.kind = TokenKind::String;
      size_t start = ++at;
      while (at < text.size() && text[at] != '"')
        at += text[at] == '\\' ? 2 : 1;
      token.text = text.substr(start, at - start);
      ++at;
    } else if (std::strchr("{}()[]<>,;:+-=@!|*", c)) {
      token.kind = TokenKind::Punctuation;
      token.text = c;
      ++at;
    } else {
      fail(std::string("the character '") + c + "'");
    }
  }

  [[noreturn]] void fail(const std::string &what) {
    throw Fault(FaultKind::Syntax,
                "PTX line " + std::to_string(line) + ": " + what);
  }

  const std::string &text;
  size_t at = 0;
  int line = 1;
};

} // namespace

std::vector<Token> tokenize(const std::string &text) {
  return Lexer(text).run();
}

} // namespace gpusim
