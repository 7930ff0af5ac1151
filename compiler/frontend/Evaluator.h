// Evaluates the language: numbers, lists and functions at once; tensors by
// building `pg` ops at the end of a block. Functions are inlined by that.
// One Evaluator makes one pass: one phase, one shape of the tokens.
//
// What was reported becomes a poison value, on which everything else is
// silent: one pass reports many independent errors.
#pragma once

#include "compiler/frontend/Arithmetic.h"
#include "compiler/frontend/Session.h"
#include "dialects/pg/Pg.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <functional>
#include <map>
#include <set>

namespace pgc {

class Evaluator;

/// A diagnostic that says, once it is complete, in which call it was met.
class Report {
public:
  Report(Evaluator &evaluator, Diagnostic &diagnostic)
      : evaluator(evaluator), diagnostic(diagnostic) {}
  Report(const Report &) = delete;
  ~Report();
  Report &detail(std::string text);
  Report &note(std::string text);
  Report &note(SourceRange range, std::string text);
  Report &help(std::string text);
  /// Says which -D changed what these names are computed from.
  Report &defines(const std::vector<std::string> &names);
  Report &defines(const ast::Expr &expr);
  Report &defines(llvm::ArrayRef<Dim> dims);
  operator Value() const { return Value(); }

private:
  Evaluator &evaluator;
  Diagnostic &diagnostic;
};

/// One argument of a call, evaluated.
struct Actual {
  llvm::StringRef name; // empty: by position
  Value value;
  SourceRange range;
};

/// The arguments of a library word, by formal. Variadic words have them all.
struct WordCall {
  SourceRange range;  // of the whole call
  SourceRange callee; // of the word
  llvm::StringRef word;
  std::vector<Value> values;
  std::vector<SourceRange> ranges;
  std::vector<bool> given;
  bool has(size_t i) const { return i < given.size() && given[i]; }
};

/// A word of the library: see language.md section 11.
struct Word {
  llvm::StringRef name;
  /// "x, axis?": a question mark may be left out; "x...": any number.
  llvm::StringRef formals;
  Value (*evaluate)(Evaluator &, const WordCall &);
};
/// Null if there is none.
const Word *findWord(llvm::StringRef name);

/// What one pass is about.
struct Pass {
  /// One for each switch; empty where switches cannot be read (conditions).
  std::vector<bool> switches;
  bool hasSwitches = true;
  bool training = true;
  bool adapting = false;
  /// The item of `evaluate` whose optimiser rules run: their states are its.
  std::optional<unsigned> evaluation = std::nullopt;
  /// Null where there are none: in settings and rules.
  mlir::Value tokens, targets;
  std::string place = "model"; // for messages: "called from 'model'"
  /// In quantisers: there are no steps, and what `solve` names is raised.
  bool quantizes = false;
  const Symbol *solved = nullptr;
};

/// Draws with a shape are variables "<parameter>:draw0", ….
inline constexpr llvm::StringLiteral drawSuffix = ":draw";

/// Where in the program an operation came from.
struct Origin {
  const ast::Expr *expr = nullptr;
  const ast::Fn *fn = nullptr; // that was running; null outside of functions
};
using Origins = llvm::DenseMap<mlir::Operation *, Origin>;

class Evaluator : public mlir::OpBuilder::Listener {
public:
  Evaluator(Session &session, Pass pass, mlir::Block *block);
  Evaluator(const Evaluator &) = delete;

  Session &session;
  Pass pass;
  mlir::OpBuilder builder;

  // ---- messages
  Report error(SourceRange range, std::string message);
  /// Says that a value must be known when compiling, and on what it depends.
  Value notKnown(SourceRange range, const Value &value, std::string what,
                 std::string help = "");
  bool stopped() const { return session.diagnostics.tooManyErrors(); }
  void addContext(Diagnostic &diagnostic);

  // ---- expressions (Expressions.cpp, Operators.cpp, Indexing.cpp)
  Value evaluate(const ast::Expr &expr, Scope &scope);
  Value lookup(llvm::StringRef name, SourceRange range, Scope &scope);
  std::optional<std::string> format(const ast::String &text, Scope &scope);
  Value binary(ast::BinaryOp op, const Value &a, const Value &b,
               const ast::Binary &expr);
  Value negate(const Value &a, SourceRange range);
  Value index(const ast::Index &expr, Scope &scope);
  /// 1 or 0; a poison value if `value` is not a number known when compiling.
  std::optional<bool> condition(const Value &value, SourceRange range,
                                std::string what, std::string help = "");
  std::optional<int64_t> requireInteger(const Value &value, SourceRange range,
                                        std::string what);
  std::optional<double> requireNumber(const Value &value, SourceRange range,
                                      std::string what);
  /// A list of sizes, each at least 1, with at most 4 axes unless `any`.
  std::optional<Dims> requireShape(const Value &value, SourceRange range,
                                   std::string what, const ast::Expr *expr);

  // ---- statements and calls (Statements.cpp)
  enum class Flow { Next, Returned };
  Flow run(const ast::Block &block, Scope &scope, Value &result);
  Value call(const Value &callee, std::vector<Actual> actuals,
             SourceRange callRange, SourceRange calleeRange);
  void runLet(const ast::Let &let, Scope &scope);
  bool checkAssert(const ast::Assert &statement, Scope &scope);
  Scope &newScope(const Scope *parent);
  Scope &newScope(const Scope *parent, size_t visible);
  /// The value of a top-level constant, at a level of its stack.
  Value constant(const Symbol &symbol, int level, SourceRange range);
  Value symbolValue(const Symbol &symbol, SourceRange range);

  // ---- tensors (TensorValues.cpp, TensorOps.cpp)
  mlir::Location location(SourceRange range) { return session.location(range); }
  mlir::Value load(const Tensor &tensor, SourceRange range);
  mlir::Type elementType(Element element);
  mlir::RankedTensorType typeOf(llvm::ArrayRef<Dim> dims, Element element);
  /// The values, one for all elements or one each, rounded to those of `type`.
  mlir::DenseElementsAttr denseFloats(mlir::RankedTensorType type,
                                      llvm::ArrayRef<double> values);
  Value wrap(mlir::Value value, Dims dims, Element element = Element::Float);
  /// A number, step value or tensor as a tensor of the given elements; nothing,
  /// and an error that begins with `what`, for other values.
  std::optional<Tensor> toTensor(const Value &value, Element element,
                                 SourceRange range, llvm::StringRef what);
  /// A tensor of at least one axis (or number as scalar) as it stands.
  Tensor convert(const Tensor &tensor, Element element, SourceRange range);
  Value constantTensor(double value, SourceRange range, Element element);
  Value elementwise(ast::BinaryOp op, const Value &a, const Value &b,
                    SourceRange range, llvm::StringRef spelling);
  Value minMax(bool max, const Value &a, const Value &b, SourceRange range);
  Value select(const Value &condition, const Value &a, const Value &b,
               SourceRange range);
  Value matmul(const Value &a, const Value &b, const ast::Binary &expr);
  Value slice(const Tensor &x, llvm::ArrayRef<int64_t> offsets, Dims sizes,
              SourceRange range);
  Value reshape(const Tensor &x, Dims dims, SourceRange range);
  /// The dims that operands broadcast to, or an error.
  std::optional<Dims> broadcast(llvm::ArrayRef<const Tensor *> operands,
                                SourceRange range, llvm::StringRef spelling);
  mlir::Value emitStep(const StepExpr *expr, SourceRange range);

  // ---- parameters and states (Parameters.cpp)
  Value declareParameter(const ast::Param &param, Scope *scope);
  Value declareState(const ast::State &state, Scope &scope);
  std::string fullName(llvm::StringRef path) const;
  mlir::DictionaryAttr initializer(const Value &value, const Dims &dims,
                                   SourceRange range, const char *what);
  /// The parameter whose initial value is being evaluated, if one is: draws
  /// with a shape belong to it.
  std::string initializing;
  int64_t draws = 0; // of it, so far
  /// In the order of declaration in this pass.
  std::vector<const ParameterRecord *> declared;

  // ---- recurrence (Recurrence.cpp)
  /// A region that is being filled: each declares its parameters once.
  struct Region {
    int recurrence = 0; // which `recur` of the pass
    bool merge = false;
    int64_t visit = 0;    // of a layer
    Value label;          // the layer's element of the order
    int64_t position = 0; // of a merge
    std::string describe() const;
    /// Visits of one layer: they share parameters.
    bool sameOwner(const Region &other) const;
  };
  /// Outermost first.
  std::vector<Region> regions;
  int recurrences = 0;
  bool readVisit = false; // set when `visit` is read

  // ---- rules
  /// Of the parameter whose rule runs: "<parameter>:" or
  /// "<parameter>:average.".
  std::string statePrefix;
  bool inRule = false;

  /// Outputs of the model by now.
  std::vector<std::pair<llvm::StringRef, Value>> outputs;
  /// What `inherited()` means in loss: evaluates a level of its stack.
  std::function<Value(int level, SourceRange range)> inheritedLoss;
  /// What `inherited();` means in model.
  std::function<void()> inheritedModel;
  /// Evaluates what `return` gives outside of functions: in loss.
  std::function<Value(const ast::Expr &expr, Scope &scope)> returnOfSection;

  struct Frame {
    const ast::Fn *fn;
    const Scope *scope; // of the definition
    SourceRange call;
    std::string prefix; // what its `under` adds
  };
  /// Of all operations that were built, dead ones included.
  Origins origins;
  /// Where a name stood that was the state of `recur`, by that state: the
  /// first place in each region.
  llvm::DenseMap<mlir::Value, SourceRange> firstReads;

private:
  void notifyOperationInserted(mlir::Operation *op,
                               mlir::OpBuilder::InsertPoint) override {
    origins[op] = {current, frames.empty() ? nullptr : frames.back().fn};
  }
  Value evaluateNode(const ast::Expr &expr, Scope &scope);
  Value evaluateList(const ast::List &expr, Scope &scope);
  Value evaluateComprehension(const ast::Comprehension &expr, Scope &scope);
  Value evaluateRange(const ast::Range &expr, Scope &scope);
  Value evaluateConditional(const ast::Conditional &expr, Scope &scope);
  Value evaluateCall(const ast::Call &expr, Scope &scope);
  Value evaluateLogic(const ast::Binary &expr, Scope &scope);
  Value evaluateNot(const Value &value, SourceRange range);
  Value ambient(llvm::StringRef name, SourceRange range);
  Value stepBinary(ast::BinaryOp op, const Value &a, const Value &b);
  Value callUser(const Function &function, std::vector<Actual> actuals,
                 SourceRange callRange, SourceRange calleeRange);
  Value callWord(const Word &word, std::vector<Actual> actuals,
                 SourceRange callRange, SourceRange calleeRange);
  bool bindFormals(const Function &function, std::vector<Actual> &actuals,
                   SourceRange callRange, Scope &scope);
  bool checkPattern(const ast::Pattern &pattern, const Value &value,
                    Scope &scope, llvm::StringRef name, SourceRange place);
  bool enter(SourceRange range);
  void leave() { --depth; }

  struct Declared {
    const ast::Param *declaration;
    std::vector<Region> regions;
  };
  /// Evaluates the initial value of the parameter `name`; nothing after an
  /// error. What is computed is added to @init, the first time.
  mlir::DictionaryAttr initialValue(const ast::Param &param, Scope &own,
                                    const std::string &name, const Dims &dims);
  mlir::DictionaryAttr computedValue(const Tensor &value, const Dims &dims,
                                     SourceRange range);
  /// Whether `param` may declare `name` here; reports it if not.
  Value declareParameter(const ast::Param &param, Scope &own, bool topLevel);
  bool checkDeclaredOnce(const std::string &name, const ast::Param &param);
  void explainPrefix(Report &report);

  std::deque<Scope> scopes;
  std::vector<Frame> frames;
  std::map<std::pair<const Symbol *, int>, Value> constants;
  std::vector<std::pair<const Symbol *, int>> evaluating;
  std::map<std::string, Declared> declarations;
  std::set<const ast::Param *> reportedTwice;
  std::set<std::string> stateNames;
  std::unique_ptr<StepEmitter> stepEmitter;
  mlir::Block *entry;
  const ast::Expr *current = nullptr; // what is being evaluated
  int depth = 0;
  int64_t fuel;
  const char *stackBase;
};

} // namespace pgc
