// Calls of functions and of words: arguments, shape checks, prefixes.
#include "compiler/frontend/Evaluator.h"

namespace pgc {

using namespace ast;

Value Evaluator::call(const Value &callee, std::vector<Actual> actuals,
                      SourceRange callRange, SourceRange calleeRange) {
  if (callee.isPoison())
    return Value();
  if (!callee.isFunction())
    return error(calleeRange,
                 "this is " + callee.kindName().str() + ", not a function");
  const Function &function = callee.asFunction();
  switch (function.kind) {
  case Function::Kind::Word:
    return callWord(*function.word, std::move(actuals), callRange, calleeRange);
  case Function::Kind::InheritedLet:
    return constant(*function.symbol, function.level, callRange);
  case Function::Kind::InheritedLoss:
    return inheritedLoss(function.level, callRange);
  case Function::Kind::User:
    return callUser(function, std::move(actuals), callRange, calleeRange);
  }
  return Value();
}

/// Puts the arguments under the names of the formals.
bool Evaluator::bindFormals(const Function &function,
                            std::vector<Actual> &actuals, SourceRange callRange,
                            Scope &scope) {
  const Fn &fn = *function.fn;
  std::vector<Actual *> bound(fn.formals.size(), nullptr);
  std::vector<std::string> names;
  for (const Formal &formal : fn.formals)
    names.push_back(formal.name.text);
  size_t position = 0;
  bool good = true;
  for (Actual &actual : actuals) {
    size_t slot = position;
    if (actual.name.empty()) {
      if (position++ >= names.size()) {
        error(actual.range, "'" + fn.name.text + "' takes " +
                                std::to_string(names.size()) + " arguments")
            .note(fn.name.range, "defined here");
        return false;
      }
    } else {
      slot = std::find(names.begin(), names.end(), actual.name.str()) -
             names.begin();
      if (slot == names.size()) {
        error(actual.range,
              "'" + fn.name.text + "' has no parameter '" + actual.name.str() +
                  "'" + didYouMean(std::string_view(actual.name), names))
            .note(fn.name.range, "defined here");
        return false;
      }
    }
    if (bound[slot]) {
      error(actual.range, "'" + names[slot] + "' is given twice");
      return false;
    }
    bound[slot] = &actual;
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (!bound[i]) {
      error(callRange,
            "'" + fn.name.text + "' needs the argument '" + names[i] + "'")
          .note(fn.formals[i].name.range, "declared here");
      good = false;
      continue;
    }
    Value value = bound[i]->value;
    if (value.isInteger() && value.name().empty())
      value = value.named(fn.formals[i].name.text);
    scope.set(fn.formals[i].name.text, value);
  }
  if (!good)
    return false;
  for (size_t i = 0; i < names.size(); ++i) {
    const Value &value = bound[i]->value;
    if (fn.formals[i].pattern && !value.isPoison())
      good &= checkPattern(*fn.formals[i].pattern, value, scope, names[i],
                           bound[i]->range);
  }
  return good;
}

bool Evaluator::checkPattern(const Pattern &pattern, const Value &value,
                             Scope &scope, llvm::StringRef name,
                             SourceRange place) {
  Tensor scalar;
  if (!value.isTensor() && !value.isNumber() && !value.isStep()) {
    error(place,
          "'" + name.str() + "' is a tensor; this is " + value.kindName().str())
        .note(pattern.range, "its shape is declared here");
    return false;
  }
  const Dims &dims = value.isTensor() ? value.asTensor().dims : scalar.dims;
  std::string wanted = pattern.leadingEllipsis ? "[..." : "[";
  bool fits = pattern.leadingEllipsis ? dims.size() >= pattern.sizes.size()
                                      : dims.size() == pattern.sizes.size();
  size_t skipped = fits ? dims.size() - pattern.sizes.size() : 0;
  for (auto [i, size] : llvm::enumerate(pattern.sizes)) {
    if (wanted.size() > 1)
      wanted += ", ";
    if (Pattern::isAny(*size)) {
      wanted += "_";
      continue;
    }
    Value v = evaluate(*size, scope);
    auto n = requireInteger(v, size->range, "a size");
    if (!n)
      return false;
    wanted += describe(Dim{*n, v.name()});
    fits = fits && dims[skipped + i].size == *n;
  }
  if (fits)
    return true;
  error(place, "'" + name.str() + "' has the shape " + describe(dims) +
                   ", declared as " + wanted + "]")
      .note(pattern.range, "declared here")
      .defines(dims);
  return false;
}

Value Evaluator::callUser(const Function &function, std::vector<Actual> actuals,
                          SourceRange callRange, SourceRange calleeRange) {
  const Fn &fn = *function.fn;
  for (const Frame &frame : frames)
    if (frame.fn == &fn && frame.scope == function.scope)
      return error(calleeRange, "functions may not call themselves: '" +
                                    fn.name.text + "' is running already")
          .note(frame.call, "called here first");
  if (frames.size() >= 200)
    return error(callRange, "more than 200 calls are nested here");
  if (!enter(callRange))
    return Value();
  Scope &scope = newScope(function.scope, function.visible);
  if (function.symbol && function.level > 0) {
    Function below{Function::Kind::User};
    below.symbol = function.symbol;
    below.level = function.level - 1;
    below.fn = &function.symbol->stack[below.level].fn();
    scope.set("inherited", Value::function(below));
  }
  Value result;
  if (bindFormals(function, actuals, callRange, scope)) {
    frames.push_back({&fn, function.scope, callRange, ""});
    bool good = true;
    if (fn.under) {
      Value prefix = evaluate(*fn.under, scope);
      good = prefix.isString();
      if (good)
        frames.back().prefix = prefix.asString();
      else if (!prefix.isPoison())
        error(fn.under->range,
              "a prefix is a string; this is " + prefix.kindName().str());
    }
    if (good && run(fn.body, scope, result) == Flow::Next) {
      result = Value();
      error(fn.name.range,
            "function '" + fn.name.text + "' can end without 'return'");
    }
    frames.pop_back();
  }
  leave();
  return result;
}

/// Splits "x, axis?" into names; `optional` says which may be left out.
static std::vector<llvm::StringRef> splitFormals(llvm::StringRef formals,
                                                 std::vector<bool> &optional,
                                                 bool &variadic) {
  llvm::SmallVector<llvm::StringRef> parts;
  formals.split(parts, ", ", -1, false);
  std::vector<llvm::StringRef> names;
  for (llvm::StringRef part : parts) {
    variadic |= part.consume_back("...");
    optional.push_back(part.consume_back("?"));
    names.push_back(part);
  }
  return names;
}

Value Evaluator::callWord(const Word &word, std::vector<Actual> actuals,
                          SourceRange callRange, SourceRange calleeRange) {
  WordCall c;
  c.range = callRange;
  c.callee = calleeRange;
  c.word = word.name;
  std::vector<bool> optional;
  bool variadic = false;
  auto formals = splitFormals(word.formals, optional, variadic);
  size_t slots = variadic ? actuals.size() : formals.size();
  c.values.resize(slots);
  c.ranges.resize(slots, callRange);
  c.given.resize(slots, false);
  std::string name = word.name.str();
  size_t position = 0;
  for (Actual &actual : actuals) {
    size_t slot = position;
    if (actual.name.empty()) {
      ++position;
      if (slot >= slots)
        return error(actual.range,
                     "'" + name + "' takes " + std::to_string(slots) +
                         (slots == 1 ? " argument" : " arguments"))
            .help("it is " + name + "(" + word.formals.str() + ")");
    } else {
      slot = llvm::find(formals, actual.name) - formals.begin();
      std::vector<std::string> names(formals.begin(), formals.end());
      if (variadic || slot >= slots)
        return error(actual.range,
                     "'" + name + "' has no parameter '" + actual.name.str() +
                         "'" +
                         didYouMean(std::string_view(actual.name), names));
    }
    if (c.given[slot])
      return error(actual.range,
                   "'" + formals[slot].str() + "' is given twice");
    c.given[slot] = true;
    c.values[slot] = std::move(actual.value);
    c.ranges[slot] = actual.range;
  }
  bool poisoned = false;
  for (size_t i = 0; i < slots; ++i) {
    if (!c.given[i] && !optional[i])
      return error(callRange, "'" + name + "' needs the argument '" +
                                  formals[i].str() + "'")
          .help("it is " + name + "(" + word.formals.str() + ")");
    poisoned |= c.given[i] && c.values[i].isPoison();
  }
  if (poisoned)
    return Value();
  return word.evaluate(*this, c);
}

} // namespace pgc
