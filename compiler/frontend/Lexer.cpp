#include "compiler/frontend/Lexer.h"

#include <charconv>
#include <cmath>
#include <string>
#include <system_error>
#include <utility>

using namespace pgc;

namespace {
struct Spelling {
  std::string_view text;
  TokenKind kind;
};

constexpr Spelling words[] = {{"include", TokenKind::Include},
                              {"override", TokenKind::Override},
                              {"let", TokenKind::Let},
                              {"fn", TokenKind::Fn},
                              {"under", TokenKind::Under},
                              {"param", TokenKind::Param},
                              {"in", TokenKind::In},
                              {"state", TokenKind::State},
                              {"switch", TokenKind::Switch},
                              {"assert", TokenKind::Assert},
                              {"output", TokenKind::Output},
                              {"return", TokenKind::Return},
                              {"if", TokenKind::If},
                              {"then", TokenKind::Then},
                              {"else", TokenKind::Else},
                              {"for", TokenKind::For},
                              {"and", TokenKind::And},
                              {"or", TokenKind::Or},
                              {"not", TokenKind::Not},
                              {"model", TokenKind::Model},
                              {"loss", TokenKind::Loss},
                              {"train", TokenKind::Train},
                              {"quantize", TokenKind::Quantize},
                              {"pack", TokenKind::Pack},
                              {"evaluate", TokenKind::Evaluate}};

// Longer signs stand before their beginnings.
constexpr Spelling signs[] = {{"...", TokenKind::Ellipsis},
                              {"..", TokenKind::DotDot},
                              {"=>", TokenKind::Arrow},
                              {"==", TokenKind::EqualEqual},
                              {"!=", TokenKind::NotEqual},
                              {"<=", TokenKind::LessEqual},
                              {">=", TokenKind::GreaterEqual},
                              {"//", TokenKind::SlashSlash},
                              {"+", TokenKind::Plus},
                              {"-", TokenKind::Minus},
                              {"*", TokenKind::Star},
                              {"/", TokenKind::Slash},
                              {"%", TokenKind::Percent},
                              {"^", TokenKind::Caret},
                              {"@", TokenKind::At},
                              {"<", TokenKind::Less},
                              {">", TokenKind::Greater},
                              {"=", TokenKind::Equal},
                              {"(", TokenKind::LeftParen},
                              {")", TokenKind::RightParen},
                              {"[", TokenKind::LeftBracket},
                              {"]", TokenKind::RightBracket},
                              {"{", TokenKind::LeftBrace},
                              {"}", TokenKind::RightBrace},
                              {",", TokenKind::Comma},
                              {";", TokenKind::Semicolon},
                              {":", TokenKind::Colon}};

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool isNameChar(char c) { return isNameStart(c) || isDigit(c); }

class Lexer {
public:
  Lexer(FileId file, uint32_t begin, uint32_t end,
        DiagnosticEngine &diagnostics)
      : file(file), text(diagnostics.sources().text(file).substr(0, end)),
        position(begin), diagnostics(diagnostics) {}

  std::vector<Token> run();

private:
  char peek(size_t ahead = 0) const {
    return position + ahead < text.size() ? text[position + ahead] : '\0';
  }
  SourceRange from(size_t begin) const {
    return {file, uint32_t(begin), uint32_t(position)};
  }
  void push(TokenKind kind, size_t begin) {
    tokens.push_back({kind, from(begin), text.substr(begin, position - begin)});
    tokens.back().isDoubtful = std::exchange(hasError, false);
  }
  Diagnostic &error(SourceRange range, std::string message) {
    hasError = true;
    return diagnostics.error(range, std::move(message));
  }

  bool skipSpace();
  void name();
  void number();
  void string();
  void unknown();
  /// Digits with '_' between them.
  void digits();

  FileId file;
  std::string_view text;
  size_t position;
  DiagnosticEngine &diagnostics;
  std::vector<Token> tokens;
  bool hasError = false; ///< since the last token
};
} // namespace

const char *pgc::describe(TokenKind kind) {
  switch (kind) {
  case TokenKind::End:
    return "the end of the file";
  case TokenKind::Name:
    return "a name";
  case TokenKind::Integer:
  case TokenKind::Float:
    return "a number";
  case TokenKind::String:
    return "a string";
  default:
    break;
  }
  // The quoted spellings, made once.
  static const std::vector<std::string> quoted = [] {
    std::vector<std::string> result(size_t(TokenKind::Colon) + 1);
    for (const Spelling &word : words)
      result[size_t(word.kind)] = "'" + std::string(word.text) + "'";
    for (const Spelling &sign : signs)
      result[size_t(sign.kind)] = "'" + std::string(sign.text) + "'";
    return result;
  }();
  return quoted[size_t(kind)].c_str();
}

bool Lexer::skipSpace() {
  while (position < text.size()) {
    char c = text[position];
    if (c == '#') {
      size_t newline = text.find('\n', position);
      position = newline == text.npos ? text.size() : newline;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++position;
    } else {
      return true;
    }
  }
  return false;
}

void Lexer::name() {
  size_t begin = position;
  do {
    while (isNameChar(peek()))
      ++position;
    // A dot belongs to the name if a name goes on behind it: "x.y" is one,
    // "a..b" is a range.
  } while (peek() == '.' && isNameStart(peek(1)) && ++position);
  std::string_view spelling = text.substr(begin, position - begin);
  for (const Spelling &word : words)
    if (word.text == spelling)
      return push(word.kind, begin);
  push(TokenKind::Name, begin);
}

void Lexer::digits() {
  while (isDigit(peek()) || (peek() == '_' && isDigit(peek(1))))
    ++position;
}

void Lexer::number() {
  size_t begin = position;
  bool isFloat = false;
  digits();
  if (peek() == '.' && isDigit(peek(1))) {
    isFloat = true;
    ++position;
    digits();
  }
  if (peek() == 'e' || peek() == 'E') {
    size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
    if (isDigit(peek(sign))) {
      isFloat = true;
      position += sign;
      digits();
    }
  }
  size_t numberEnd = position;
  if (isNameStart(peek())) {
    while (isNameChar(peek()))
      ++position;
    error(from(begin),
          "'" + std::string(text.substr(begin, position - begin)) +
              "' is neither a number nor a name; a name starts with a letter");
    push(TokenKind::Integer, begin);
    tokens.back().integer = 1;
    return;
  }
  std::string plain;
  for (char c : text.substr(begin, numberEnd - begin))
    if (c != '_')
      plain += c;
  push(isFloat ? TokenKind::Float : TokenKind::Integer, begin);
  Token &token = tokens.back();
  // Out of range it is still a number: what follows is not in doubt.
  const char *last = plain.data() + plain.size();
  if (!isFloat) {
    if (std::from_chars(plain.data(), last, token.integer).ec == std::errc())
      return;
    token.integer = 1;
    diagnostics
        .error(token.range,
               "integers have 64 bits; the largest is 9223372036854775807")
        .help("for a float write it with a '.' or an 'e'");
    return;
  }
  std::errc result = std::from_chars(plain.data(), last, token.real).ec;
  if (result == std::errc() && std::isfinite(token.real))
    return;
  token.real = 1;
  diagnostics.error(token.range,
                    "this number is too large or too small for a float");
}

void Lexer::string() {
  size_t begin = position++;
  while (position < text.size() && text[position] != '"' &&
         text[position] != '\n')
    ++position;
  if (peek() == '"' && position < text.size()) {
    ++position;
    return push(TokenKind::String, begin);
  }
  while (position > begin + 1 && text[position - 1] == '\r')
    --position;
  error(from(begin), "this string has no closing '\"' on its line");
  // The rest of the line would be parsed as nonsense: the string takes it, but
  // for a final ';'.
  while (position > begin + 1 &&
         (text[position - 1] == ' ' || text[position - 1] == ';'))
    --position;
  push(TokenKind::String, begin);
}

void Lexer::unknown() {
  size_t begin = position++;
  while (position < text.size() &&
         (static_cast<unsigned char>(text[position]) & 0xC0) == 0x80)
    ++position;
  std::string_view character = text.substr(begin, position - begin);
  auto byte = static_cast<unsigned char>(character[0]);
  if (character == ".") {
    bool isNumber = isDigit(peek());
    Diagnostic &reported =
        error(from(begin), "a '.' stands within names and numbers only");
    if (isNumber)
      reported.help("a number starts with a digit: 0.5");
    return;
  }
  if (character == "!") {
    error(from(begin), "'!' is no sign of the language")
        .help("write 'not', or '!='");
    return;
  }
  if (character == "'") {
    size_t close = text.find_first_of("'\n", position);
    if (close != text.npos && text[close] == '\'')
      position = close + 1;
    error(from(begin), "strings stand in double quotes");
    return push(TokenKind::String, begin);
  }
  if (character == "&" || character == "|") {
    if (peek() == character[0])
      ++position;
    error(from(begin), "unexpected character '" + std::string(character) + "'")
        .help(character == "&" ? "write 'and'" : "write 'or'");
    return;
  }
  std::string shown(character);
  if (byte < 0x20 || byte == 0x7F) {
    const char *hex = "0123456789ABCDEF";
    shown = std::string("U+00") + hex[byte >> 4] + hex[byte & 15];
  }
  error(from(begin), "unexpected character '" + shown + "'");
}

std::vector<Token> Lexer::run() {
  if (std::optional<size_t> invalid = findInvalidUtf8(text.substr(position))) {
    auto at = static_cast<uint32_t>(position + *invalid);
    diagnostics.error({file, at, at + 1}, "this is not valid UTF-8");
    text = text.substr(0, at);
  }
  if (position == 0 && text.substr(0, 3) == "\xEF\xBB\xBF") // a byte order mark
    position = 3;
  while (skipSpace()) {
    char c = peek();
    if (isNameStart(c))
      name();
    else if (isDigit(c))
      number();
    else if (c == '"')
      string();
    else {
      const Spelling *found = nullptr;
      for (const Spelling &sign : signs)
        if (!found && text.substr(position, sign.text.size()) == sign.text)
          found = &sign;
      if (!found) {
        unknown();
        continue;
      }
      size_t begin = position;
      position += found->text.size();
      push(found->kind, begin);
    }
  }
  push(TokenKind::End, position);
  return std::move(tokens);
}

std::vector<Token> pgc::lex(FileId file, uint32_t begin, uint32_t end,
                            DiagnosticEngine &diagnostics) {
  return Lexer(file, begin, end, diagnostics).run();
}
