#include "compiler/frontend/Value.h"
#include <charconv>

namespace pgc {

Value Value::list(List v) {
  return Value(std::make_shared<const List>(std::move(v)));
}

llvm::StringRef Value::kindName() const {
  if (isInteger())
    return "an integer";
  if (isFloat())
    return "a float";
  if (isString())
    return "a string";
  if (isList())
    return "a list";
  if (isStep())
    return "a step value";
  if (isDraw())
    return "a draw";
  if (isFunction())
    return "a function";
  if (isTensor())
    return "a tensor";
  return "nothing";
}

bool Value::holdsTensor() const {
  if (isTensor())
    return true;
  if (isList())
    for (const Value &v : asList())
      if (v.holdsTensor())
        return true;
  return false;
}

std::string describe(double value) {
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  std::string text(buffer, end);
  if (text.find_first_of(".en") == std::string::npos)
    text += ".0";
  return text;
}

std::string describe(const Dim &dim) {
  std::string size = std::to_string(dim.size);
  return dim.name.empty() ? size : dim.name.str() + "=" + size;
}

std::string describe(llvm::ArrayRef<Dim> dims, bool names) {
  std::string text = "[";
  for (const Dim &d : dims) {
    if (text.size() > 1)
      text += ", ";
    text += names ? describe(d) : std::to_string(d.size);
  }
  return text + "]";
}

std::string describe(const Value &value) {
  if (value.isInteger())
    return std::to_string(value.asInteger());
  if (value.isFloat())
    return describe(value.asDouble());
  if (value.isString())
    return "\"" + value.asString() + "\"";
  if (value.isTensor())
    return "a tensor " + describe(value.asTensor().dims);
  if (!value.isList())
    return value.kindName().str();
  std::string text = "[";
  for (const Value &v : value.asList()) {
    if (text.size() > 60)
      return text + ", ...]";
    if (text.size() > 1)
      text += ", ";
    text += describe(v);
  }
  return text + "]";
}

std::optional<bool> equal(const Value &a, const Value &b) {
  if (a.isInteger() && b.isInteger())
    return a.asInteger() == b.asInteger();
  if (a.isNumber() && b.isNumber())
    return a.asDouble() == b.asDouble();
  if (a.isString() && b.isString())
    return a.asString() == b.asString();
  if (!a.isList() || !b.isList()) {
    auto plain = [](const Value &v) {
      return v.isNumber() || v.isString() || v.isList();
    };
    if (plain(a) && plain(b))
      return false;
    return std::nullopt;
  }
  const List &x = a.asList(), &y = b.asList();
  if (x.size() != y.size())
    return false;
  for (size_t i = 0; i < x.size(); ++i) {
    std::optional<bool> same = equal(x[i], y[i]);
    if (!same || !*same)
      return same;
  }
  return true;
}

const Value *Scope::find(llvm::StringRef name) const {
  size_t count = entries.size();
  for (const Scope *s = this; s; count = s->visible, s = s->parent)
    for (size_t i = count; i-- > 0;)
      if (s->entries[i].first == name)
        return &s->entries[i].second;
  return nullptr;
}

void Scope::set(llvm::StringRef name, Value value) {
  entries.emplace_back(name, std::move(value));
}

void Scope::collectNames(std::vector<std::string> &names) const {
  for (const Scope *s = this; s; s = s->parent)
    for (auto &entry : s->entries)
      names.push_back(entry.first.str());
}

} // namespace pgc
