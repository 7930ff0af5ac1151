// The values that a program computes with while it is compiled.
#pragma once

#include "compiler/frontend/Ast.h"
#include "compiler/frontend/StepExpr.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace pgc {

class Scope;
struct Symbol;
struct Word;
struct ParameterRecord;
class Value;

/// A size of a tensor, and the name of the constant or axis it came from
/// ("dim", "T"; empty if there is none). Names live as long as the evaluator.
struct Dim {
  int64_t size = 1;
  llvm::StringRef name;
};
using Dims = llvm::SmallVector<Dim, 4>;

/// What a tensor holds: floats, integers, or truth values (comparisons; they
/// count as the integers 1 and 0).
enum class Element { Float, Integer, Truth };

struct Tensor {
  Tensor(Dims dims = {}, Element element = Element::Float)
      : dims(std::move(dims)), element(element) {}
  Dims dims;
  Element element;
  /// Null for a parameter: it is loaded anew at each use.
  mlir::Value value;
  const ParameterRecord *parameter = nullptr;
  /// The elements, of small constant tensors such as rows(1, 0).
  std::shared_ptr<const std::vector<double>> constants;

  size_t rank() const { return dims.size(); }
  int64_t elements() const {
    int64_t n = 1;
    for (const Dim &d : dims)
      n *= d.size;
    return n;
  }
};

/// A distribution that gets its shape from the parameter that it initialises.
struct Draw {
  bool orthogonal = false;
  double scale = 1; // of a normal draw: its standard deviation
};

/// Something that can be called.
struct Function {
  enum class Kind { User, Word, InheritedLet, InheritedLoss } kind;
  const ast::Fn *fn = nullptr;    // User
  const Scope *scope = nullptr;   // User: what surrounds the definition,
  size_t visible = 0;             // and how many of its names come before
  const Symbol *symbol = nullptr; // of a top-level function or constant
  int level = 0;                  // in the symbol's or loss's stack
  const Word *word = nullptr;     // Word
};

struct Poison {}; // of an expression that was reported; errors do not spread
using List = std::vector<Value>;

/// One value of the language.
class Value {
public:
  Value() : data(Poison{}) {}
  static Value integer(int64_t v, llvm::StringRef name = {}) {
    Value r(v);
    r.theName = name;
    return r;
  }
  static Value number(double v) { return Value(v); }
  static Value string(std::string v) { return Value(std::move(v)); }
  static Value list(List v);
  static Value step(const StepExpr *v) { return Value(v); }
  static Value draw(Draw v) { return Value(v); }
  static Value function(Function v) { return Value(v); }
  static Value tensor(Tensor v) {
    return Value(std::make_shared<const Tensor>(std::move(v)));
  }
  static Value tensor(std::shared_ptr<const Tensor> v) { return Value(v); }

  bool isPoison() const { return is<Poison>(); }
  bool isInteger() const { return is<int64_t>(); }
  bool isFloat() const { return is<double>(); }
  bool isNumber() const { return isInteger() || isFloat(); }
  bool isString() const { return is<std::string>(); }
  bool isList() const { return is<std::shared_ptr<const List>>(); }
  bool isStep() const { return is<const StepExpr *>(); }
  bool isDraw() const { return is<Draw>(); }
  bool isFunction() const { return is<Function>(); }
  bool isTensor() const { return is<std::shared_ptr<const Tensor>>(); }

  int64_t asInteger() const { return std::get<int64_t>(data); }
  /// Of an integer or a float.
  double asDouble() const {
    return isInteger() ? double(asInteger()) : std::get<double>(data);
  }
  const std::string &asString() const { return std::get<std::string>(data); }
  const List &asList() const {
    return *std::get<std::shared_ptr<const List>>(data);
  }
  const StepExpr *asStep() const { return std::get<const StepExpr *>(data); }
  const Draw &asDraw() const { return std::get<Draw>(data); }
  const Function &asFunction() const { return std::get<Function>(data); }
  const Tensor &asTensor() const {
    return *std::get<std::shared_ptr<const Tensor>>(data);
  }

  /// Of an integer: the constant or the axis that it came from, for messages.
  llvm::StringRef name() const { return theName; }
  Value named(llvm::StringRef name) const {
    Value r = *this;
    r.theName = name;
    return r;
  }

  /// "an integer", "a list", ...
  llvm::StringRef kindName() const;
  /// Holds a tensor, itself or in a list; such values are not kept between
  /// regions.
  bool holdsTensor() const;

private:
  template <typename T> explicit Value(T v) : data(std::move(v)) {}
  template <typename T> bool is() const {
    return std::holds_alternative<T>(data);
  }
  std::variant<Poison, int64_t, double, std::string,
               std::shared_ptr<const List>, const StepExpr *, Draw, Function,
               std::shared_ptr<const Tensor>>
      data;
  llvm::StringRef theName;
};

/// "512", "dim=512".
std::string describe(const Dim &dim);
/// "[B=48, T=2048, dim=512]"; without names "[48, 2048, 512]".
std::string describe(llvm::ArrayRef<Dim> dims, bool names = true);
/// A number, a string or a list of them as the language writes them.
std::string describe(const Value &value);
/// The shortest decimal that reads back as the same double.
std::string describe(double value);

/// Equality of numbers, strings and lists of them; nothing for other kinds.
std::optional<bool> equal(const Value &a, const Value &b);

/// The names that are visible at a place of the program.
class Scope {
public:
  /// Sees the first `visible` names of the parent: not those that follow the
  /// place where this scope is opened.
  Scope(const Scope *parent, size_t visible)
      : parent(parent), visible(visible) {}
  /// Null if no scope from here outwards has the name.
  const Value *find(llvm::StringRef name) const;
  void set(llvm::StringRef name, Value value);
  void collectNames(std::vector<std::string> &names) const;
  size_t size() const { return entries.size(); }

private:
  const Scope *parent;
  size_t visible;
  // A later `let x` hides an earlier one: searched from the back.
  std::vector<std::pair<llvm::StringRef, Value>> entries;
};

} // namespace pgc
