// Builds the functions of a program: forward passes, scores, updates.
#pragma once

#include "compiler/frontend/Evaluator.h"
#include "compiler/frontend/Frontend.h"
#include "compiler/frontend/Sections.h"

namespace pgc {

/// What tracing the model for one phase showed.
struct ModelTrace {
  mlir::func::FuncOp function; // null after an error
  /// Parameters that a result depends on, in the order of declaration.
  std::vector<const ParameterRecord *> reached;
  std::vector<const ParameterRecord *> declared;
  /// Of the loss, in the order of the results: what each addend is.
  std::vector<const ast::Expr *> terms;
  Origins origins;
  llvm::DenseMap<mlir::Value, SourceRange> firstReads;
};

struct ModelRequest {
  std::string name;  // of the function
  std::string phase; // as an attribute
  std::vector<bool> switches;
  /// Forward, Score, Logits or Adapt.
  EmitRequest::Role role = EmitRequest::Role::Forward;
  bool adapting = false;
  int64_t batch = 1, seq = 1;
  bool wantLogits = false;
  int64_t scored = 0; // of Score: as EmitRequest::scored
};

/// Appends a function of the model to the module.
ModelTrace buildModel(Session &session, mlir::ModuleOp module,
                      const ModelRequest &request);

/// Appends @update.<phase>: clips the gradients, runs each parameter's rule,
/// and updates the averages. `reached` are the parameters of the phase.
mlir::func::FuncOp
buildUpdate(Session &session, mlir::ModuleOp module, const std::string &name,
            const std::string &phase, std::vector<bool> switches,
            const std::vector<const ParameterRecord *> &reached);

/// Appends the update of an item of `evaluate`: clips the gradients of the
/// parameters that its rules are for, and runs the rules. The other parameters
/// stay. `reached` are the parameters of the scored network.
mlir::func::FuncOp
buildAdaptUpdate(Session &session, mlir::ModuleOp module,
                 const std::string &name, unsigned evaluation,
                 const std::vector<const ParameterRecord *> &reached);

/// Those of `reached` that a rule of the item of `evaluate` is for.
std::vector<const ParameterRecord *>
findAdapted(const AdaptSection &adapt,
            const std::vector<const ParameterRecord *> &reached);
/// Appends @quantize, which stores the leaves of all decoders, and @decode,
/// which makes parameters of them; or one of both. Declares the leaves, and,
/// for @quantize, the Hessians. `session` must know what the scores read.
bool buildQuantize(Session &session, mlir::ModuleOp module, bool quantize,
                   bool decode);

/// Appends @switch.<name>() -> f64 for each switch, and @log.lr() -> f64.
bool buildScalarFunctions(Session &session, mlir::ModuleOp module);

/// An empty function with one block, at the end of the module.
mlir::func::FuncOp startFunction(Session &session, mlir::ModuleOp module,
                                 llvm::StringRef name, llvm::StringRef role,
                                 llvm::StringRef phase,
                                 llvm::ArrayRef<mlir::Type> arguments);

/// Gives a function its return; the signature follows.
void finishFunction(mlir::func::FuncOp function, mlir::OpBuilder &builder,
                    llvm::ArrayRef<mlir::Value> results,
                    llvm::ArrayRef<std::string> names);

/// Removes what no result depends on.
void removeDeadOps(mlir::func::FuncOp function);

} // namespace pgc
