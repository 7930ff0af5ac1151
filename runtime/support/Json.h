// JSON (RFC 8259): a writer that keeps its own commas, and a parser with limits
// for headers and manifests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgrt {

/// Writes one value. `key` comes before each value within an object. Not-finite
/// numbers are written as null.
class JsonWriter {
public:
  JsonWriter &beginObject() { return open('{'); }
  JsonWriter &endObject() { return close('}'); }
  JsonWriter &beginArray() { return open('['); }
  JsonWriter &endArray() { return close(']'); }
  JsonWriter &key(std::string_view name);
  JsonWriter &value(std::string_view text);
  JsonWriter &value(const char *text) { return value(std::string_view(text)); }
  JsonWriter &value(double number);
  JsonWriter &value(int64_t number);
  JsonWriter &value(uint64_t number);
  JsonWriter &value(int number) { return value(int64_t(number)); }
  JsonWriter &value(bool truth);
  JsonWriter &null();
  template <typename T>
  JsonWriter &field(std::string_view name, const T &content) {
    return key(name).value(content);
  }
  const std::string &text() const { return out; }

private:
  JsonWriter &open(char bracket);
  JsonWriter &close(char bracket);
  void separate();

  std::string out;
  bool needsComma = false;
};

/// A parsed value.
struct JsonValue {
  enum class Kind { Null, Bool, Integer, Number, String, Array, Object };
  Kind kind = Kind::Null;
  bool truth = false;
  int64_t integer = 0; // Integer: no fraction, no exponent, in range
  double number = 0;   // Integer and Number
  std::string string;
  std::vector<std::string> names; // of an object's members
  std::vector<JsonValue>
      items; // of an array, or the values of an object's members

  /// The member of that name, or null. The parser refuses objects that have a
  /// name twice.
  const JsonValue *find(std::string_view name) const;
};

/// Parses all of `text`. Returns "" or what is wrong, with its place. At most
/// 32 levels deep.
std::string parseJson(std::string_view text, JsonValue &value);

} // namespace pgrt
