#include "runtime/support/Json.h"
#include "runtime/support/Text.h"
#include <cctype>

#include <charconv>
#include <cmath>
#include <unordered_set>

namespace pgrt {

// ---------------------------------------------------------------- writer

void JsonWriter::separate() {
  if (needsComma)
    out += ',';
  needsComma = true;
}

JsonWriter &JsonWriter::open(char bracket) {
  separate();
  out += bracket;
  needsComma = false;
  return *this;
}

JsonWriter &JsonWriter::close(char bracket) {
  out += bracket;
  needsComma = true;
  return *this;
}

JsonWriter &JsonWriter::key(std::string_view name) {
  value(name);
  out += ':';
  needsComma = false;
  return *this;
}

JsonWriter &JsonWriter::value(std::string_view text) {
  separate();
  out += '"';
  for (char c : text) {
    switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\t':
      out += "\\t";
      break;
    case '\r':
      out += "\\r";
      break;
    default:
      if (uint8_t(c) < 0x20)
        out += formatted("\\u%04x", uint8_t(c));
      else
        out += c;
    }
  }
  out += '"';
  return *this;
}

// The shortest text that reads back as the same number.
JsonWriter &JsonWriter::value(double number) {
  if (!std::isfinite(number))
    return null();
  separate();
  char buffer[40];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number);
  out.append(buffer, end);
  return *this;
}

JsonWriter &JsonWriter::value(int64_t number) {
  separate();
  out += std::to_string(number);
  return *this;
}

JsonWriter &JsonWriter::value(uint64_t number) {
  separate();
  out += std::to_string(number);
  return *this;
}

JsonWriter &JsonWriter::value(bool truth) {
  separate();
  out += truth ? "true" : "false";
  return *this;
}

JsonWriter &JsonWriter::null() {
  separate();
  out += "null";
  return *this;
}

// ---------------------------------------------------------------- parser

const JsonValue *JsonValue::find(std::string_view name) const {
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name)
      return &items[i];
  return nullptr;
}

namespace {
class Parser {
public:
  explicit Parser(std::string_view text) : text(text) {}

  std::string run(JsonValue &value) {
    if (parseValue(value, 0)) {
      skipSpace();
      if (at == text.size())
        return "";
      fail("something follows the value");
    }
    return cat(problem, " at byte ", at);
  }

private:
  bool fail(const char *what) {
    if (problem.empty())
      problem = what;
    return false;
  }

  void skipSpace() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' ||
                                text[at] == '\n' || text[at] == '\r'))
      ++at;
  }

  bool take(char c) {
    skipSpace();
    if (at >= text.size() || text[at] != c)
      return false;
    ++at;
    return true;
  }

  bool takeWord(std::string_view word) {
    if (text.substr(at, word.size()) != word)
      return fail("unknown word");
    at += word.size();
    return true;
  }

  bool parseValue(JsonValue &value, int depth) {
    if (depth > 32)
      return fail("nested too deep");
    skipSpace();
    if (at >= text.size())
      return fail("the text ends too early");
    switch (text[at]) {
    case '{':
      return parseObject(value, depth);
    case '[':
      return parseArray(value, depth);
    case '"':
      value.kind = JsonValue::Kind::String;
      return parseString(value.string);
    case 't':
      value.kind = JsonValue::Kind::Bool;
      value.truth = true;
      return takeWord("true");
    case 'f':
      value.kind = JsonValue::Kind::Bool;
      return takeWord("false");
    case 'n':
      return takeWord("null");
    default:
      return parseNumber(value);
    }
  }

  bool parseObject(JsonValue &value, int depth) {
    value.kind = JsonValue::Kind::Object;
    ++at;
    if (take('}'))
      return true;
    std::unordered_set<std::string> seen;
    do {
      skipSpace();
      std::string name;
      if (at >= text.size() || text[at] != '"' || !parseString(name))
        return fail("a name was expected");
      if (!seen.insert(name).second)
        return fail("a name appears twice");
      if (!take(':'))
        return fail("':' was expected");
      value.names.push_back(std::move(name));
      value.items.emplace_back();
      if (!parseValue(value.items.back(), depth + 1))
        return false;
    } while (take(','));
    return take('}') || fail("',' or '}' was expected");
  }

  bool parseArray(JsonValue &value, int depth) {
    value.kind = JsonValue::Kind::Array;
    ++at;
    if (take(']'))
      return true;
    do {
      value.items.emplace_back();
      if (!parseValue(value.items.back(), depth + 1))
        return false;
    } while (take(','));
    return take(']') || fail("',' or ']' was expected");
  }

  bool parseNumber(JsonValue &value) {
    const char *begin = text.data() + at, *end = text.data() + text.size(),
               *last = begin;
    while (last < end &&
           (std::isdigit(uint8_t(*last)) ||
            std::string_view("+-.eE").find(*last) != std::string_view::npos))
      ++last;
    auto [stop, error] = std::from_chars(begin, last, value.number);
    if (begin == last || error != std::errc() || stop != last ||
        !std::isfinite(value.number))
      return fail("a value was expected");
    auto [integerStop, integerError] =
        std::from_chars(begin, last, value.integer);
    bool integral = integerError == std::errc() && integerStop == last;
    value.kind = integral ? JsonValue::Kind::Integer : JsonValue::Kind::Number;
    at += size_t(last - begin);
    return true;
  }

  bool parseHex(uint32_t &code) {
    if (text.size() - at < 4)
      return fail("the text ends too early");
    auto [stop, error] =
        std::from_chars(text.data() + at, text.data() + at + 4, code, 16);
    if (error != std::errc() || stop != text.data() + at + 4)
      return fail("four hexadecimal digits were expected");
    at += 4;
    return true;
  }

  static void appendUtf8(std::string &out, uint32_t code) {
    if (code < 0x80) {
      out += char(code);
    } else if (code < 0x800) {
      out += char(0xc0 | code >> 6);
      out += char(0x80 | (code & 63));
    } else if (code < 0x10000) {
      out += char(0xe0 | code >> 12);
      out += char(0x80 | (code >> 6 & 63));
      out += char(0x80 | (code & 63));
    } else {
      out += char(0xf0 | code >> 18);
      out += char(0x80 | (code >> 12 & 63));
      out += char(0x80 | (code >> 6 & 63));
      out += char(0x80 | (code & 63));
    }
  }

  bool parseEscape(std::string &out) {
    if (at >= text.size())
      return fail("the text ends too early");
    char c = text[at++];
    switch (c) {
    case '"':
    case '\\':
    case '/':
      out += c;
      return true;
    case 'b':
      out += '\b';
      return true;
    case 'f':
      out += '\f';
      return true;
    case 'n':
      out += '\n';
      return true;
    case 'r':
      out += '\r';
      return true;
    case 't':
      out += '\t';
      return true;
    case 'u':
      break;
    default:
      return fail("unknown escape");
    }
    uint32_t code, low;
    if (!parseHex(code))
      return false;
    if (code >= 0xd800 && code < 0xdc00) {
      if (text.substr(at, 2) != "\\u")
        return fail("half of a surrogate pair");
      at += 2;
      if (!parseHex(low))
        return false;
      if (low < 0xdc00 || low >= 0xe000)
        return fail("half of a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
      return fail("half of a surrogate pair");
    }
    appendUtf8(out, code);
    return true;
  }

  bool parseString(std::string &out) {
    ++at;
    while (at < text.size()) {
      char c = text[at++];
      if (c == '"')
        return true;
      if (uint8_t(c) < 0x20)
        return fail("a control character in a string");
      if (c != '\\')
        out += c;
      else if (!parseEscape(out))
        return false;
    }
    return fail("a string does not end");
  }

  std::string_view text;
  size_t at = 0;
  std::string problem;
};
} // namespace

std::string parseJson(std::string_view text, JsonValue &value) {
  return Parser(text).run(value);
}

} // namespace pgrt
