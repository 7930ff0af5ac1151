// What outlives one pass over the model: the parsed program, the parameters
// found so far, names, step values.
#pragma once

#include "compiler/frontend/Diagnostics.h"
#include "compiler/frontend/Loader.h"
#include "compiler/frontend/StepExpr.h"
#include "compiler/frontend/Value.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Allocator.h"
#include "llvm/Support/StringSaver.h"
#include <deque>
#include <map>
#include <optional>

namespace pgc {

/// A parameter of the model, as its first declaration says.
struct ParameterRecord {
  std::string name; // full
  Dims dims;
  std::string group;
  mlir::DictionaryAttr init; // as the `init` of pg.variable
  SourceRange nameRange, groupRange;
  const ast::Param *declaration = nullptr;
  bool trained = false; // reached by the forward pass of some phase of training
  bool scored = false;  // reached by the scores
  /// The size of XᵀX of all X that the scores multiply with it in `linear` or
  /// `@`: 0 if they do not, -1 if along several axes, or in a batch of
  /// matrices.
  int64_t contracted = 0;
};

/// A state of an optimizer or of the average.
struct StateRecord {
  std::string name; // "<parameter>:<state>"
  Dims dims;
  mlir::DictionaryAttr init;
  /// The item of `evaluate` whose rules keep it; nothing: of `train`.
  std::optional<unsigned> evaluation = std::nullopt;
};

/// Parameters and states in the order of their first declaration.
template <typename T> class RecordTable {
public:
  T *find(llvm::StringRef name) const { return byName.lookup(name); }
  T &add(T record) {
    records.push_back(std::move(record));
    byName[records.back().name] = &records.back();
    return records.back();
  }
  const std::deque<T> &all() const { return records; }
  std::deque<T> &all() { return records; }

private:
  std::deque<T> records;
  llvm::StringMap<T *> byName;
};

struct Session {
  Session(const SourceProgram &program, const SourceManager &sources,
          DiagnosticEngine &diagnostics, mlir::MLIRContext &context);

  const SourceProgram &program;
  const SourceManager &sources;
  DiagnosticEngine &diagnostics;
  mlir::MLIRContext &context;
  /// Of the elements of tensors of floats.
  mlir::FloatType floatType;
  StepGraph steps;
  RecordTable<ParameterRecord> parameters;
  RecordTable<StateRecord> states;
  std::vector<const ast::Switch *> switches;
  /// @init: draws → initial values that are expressions; a scratch module that
  /// holds it alone.
  mlir::OwningOpRef<mlir::ModuleOp> initModule;
  /// cos and sin of rope by length and frequencies.
  std::map<std::pair<int64_t, std::vector<double>>,
           std::pair<mlir::Attribute, mlir::Attribute>>
      ropeTables;

  /// Places of which an error was reported, and where further ones go.
  struct Before {
    bool operator()(const SourceRange &a, const SourceRange &b) const {
      return std::tie(a.file, a.begin, a.end) <
             std::tie(b.file, b.begin, b.end);
    }
  };
  std::set<SourceRange, Before> reported;
  Diagnostic dropped;

  /// A copy of a name that lives as long as the session.
  llvm::StringRef intern(llvm::StringRef name) { return saver.save(name); }
  /// The place of a range in IR.
  mlir::Location location(SourceRange range) const;

  /// Adds "heads is 6 by -D heads=6; base.pgm:8:29 says 8" for each constant
  /// set on the command line that one of `names` is computed from.
  void noteDefines(Diagnostic &diagnostic,
                   const std::vector<std::string> &names) const;

private:
  llvm::BumpPtrAllocator allocator;
  llvm::UniqueStringSaver saver{allocator};
};

/// The names that an expression reads, in order, with repetitions.
void collectNames(const ast::Expr &expr, std::vector<std::string> &names);

} // namespace pgc
