// The front end as its users see it: a .pgm file becomes a checked Program, and
// a Program emits `pg` functions.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pgc {

/// What to read: the model's file, and the `-D name=expr` of the command line
/// in their order.
struct FrontendOptions {
  std::string file;
  std::vector<std::string> defines;
  /// Colours in diagnostics.
  bool color = false;
  bool warningsAsErrors = false;
  /// Floats are f64, constants too, and not f32.
  bool doubles = false;
};

/// The settings of the `train` section, evaluated.
struct TrainSettings {
  std::string dataName; // data(name = ...)
  std::string order;    // "shuffled", "sequential" or "coprime"
  int64_t seq = 0;      // tokens of a sequence
  int64_t batchTokens =
      0; // tokens of a step, over all parts; a multiple of seq * parts
  int64_t parts = 0; // logical ranks of a step
  double seconds =
      0; // budget(seconds, reserve): 0 if the budget is counted in steps
  double reserve = 0;
  int64_t steps = 0;   // budget(steps): 0 if the budget is counted in seconds
  double clipNorm = 0; // clip_norm(max) if it is a constant, 0 if there is none
  /// Sequences of one part: batchTokens / seq / parts.
  int64_t sequencesPerPart() const { return batchTokens / (seq * parts); }
};

/// A combination of switches that can occur, named as in the log: "plain",
/// "looped", "looped+qat".
struct Phase {
  std::string name;
  std::vector<bool> switches; // one for each of Program::switches()
  /// Can occur while training; the phase in which all switches are on is listed
  /// even if it cannot, for evaluations use it.
  bool trains = true;
};

/// A parameter of the model, over all phases.
struct ParameterInfo {
  std::string name; // full name, as "blocks.3.attn.c_q.weight"
  std::vector<int64_t> shape;
  std::string group;
  std::string place;                  // file:line:col of its declaration
  std::string optimizer;              // the rule that trains it; empty: none
  std::vector<std::string> reachedBy; // terms of the loss with its gradient
  std::vector<std::string> phases;    // of training whose loss depends on it
  int64_t elements() const {
    int64_t n = 1;
    for (int64_t d : shape)
      n *= d;
    return n;
  }
};

/// An addend of the loss.
struct LossTermInfo {
  std::string name;  // as in the log: "cross_entropy"
  std::string place; // file:line:col
  /// Those in which a parameter gets a gradient from it; empty: inert.
  std::vector<std::string> phases;
};

/// One setting or rule of quantize, pack or evaluate, checked; its numbers are
/// evaluated, the rest stays with the program.
struct SectionItem {
  std::string section; // "quantize", "pack", "evaluate"
  std::string who;     // of a rule: its selector as text; empty for a setting
  std::string what;    // the function or word that is called
  std::vector<std::pair<std::string, std::string>>
      arguments; // name and value, as text
};

/// One item of `evaluate`. Numbers that its kind does not have are 0.
struct EvaluationInfo {
  std::string stage; // "trained" or "quantized"
  std::string kind;  // "chunked", "sliding", "ttt" or "documents"
  int64_t seq = 0;   // tokens of a window; of documents: the context
  int64_t stride = 0;
  int64_t chunk = 0;
  int64_t epochs = 0;
  int64_t sequences = 0; // of a step of test-time training
};

/// One function to emit.
struct EmitRequest {
  /// Forward: the loss, to be differentiated. Score: nll. Logits: logits, of
  /// tokens alone. Adapt: the loss of test-time training, to be
  /// differentiated. Update, AdaptUpdate: the optimizer's step. Capture: Score,
  /// for the pass that makes Hessians of it. Quantize, Decode: what is stored
  /// of parameters, and back.
  enum class Role {
    Forward,
    Score,
    Update,
    Logits,
    Adapt,
    AdaptUpdate,
    Capture,
    Quantize,
    Decode
  };
  Role role = Role::Forward;
  /// Name of a phase, or any switches joined by '+' ("plain": none). For
  /// Forward and Update; in all else all switches are on.
  std::string phase = "plain";
  int64_t batch = 1;       // B: sequences, where there are tokens
  int64_t seq = 1;         // T: positions, where there are tokens
  bool wantLogits = false; // Forward: also return the logits (probe)
  /// Name of the function; empty: "forward.<phase>", "update.<phase>", or the
  /// role's. Those of Quantize and Decode are always called so.
  std::string name;
  int64_t scored = 0;      // Score: of the last so many positions; 0: of all
  unsigned evaluation = 0; // Adapt, AdaptUpdate: index of evaluations()
  /// Forward: the micro-batches of a part, each of `batch` sequences. If not 1,
  /// the mean of the results over a part is that of the whole part, and a
  /// function @measure.<phase> may come first (BatchSplit.h).
  int64_t micros = 1;
};

/// A checked program. Emission is repeatable and does not change it, but it is
/// not safe to emit from two threads at once.
class Program {
public:
  virtual ~Program() = default;

  /// The model's name: its file name without folder and extension.
  virtual llvm::StringRef name() const = 0;
  /// The flattened program: includes, overrides and constants worked out;
  /// itself a .pgm that compiles to the same plan.
  virtual const std::string &source() const = 0;
  virtual const TrainSettings &train() const = 0;
  /// Names of the switches, in order of declaration.
  virtual llvm::ArrayRef<std::string> switches() const = 0;
  /// In the order in which they occur; never empty. The last one has all
  /// switches on.
  virtual llvm::ArrayRef<Phase> phases() const = 0;
  /// In the order of declaration, over all phases.
  virtual llvm::ArrayRef<ParameterInfo> parameters() const = 0;
  virtual int64_t parameterCount() const = 0;
  /// Over all phases of training.
  virtual llvm::ArrayRef<LossTermInfo> lossTerms() const = 0;
  /// The size of the vocabulary: the width of the logits.
  virtual int64_t vocabulary() const = 0;
  /// The sequences that a micro-batch has at least; nothing if the loss joins
  /// the sequences of a part so that it cannot be split.
  virtual std::optional<int64_t> leastMicroBatch() const = 0;
  virtual llvm::ArrayRef<SectionItem> items() const = 0;
  /// In the order of the file's `evaluate`.
  virtual llvm::ArrayRef<EvaluationInfo> evaluations() const = 0;
  /// The file has a section `quantize`.
  virtual bool quantizes() const = 0;
  /// The parts of the training order that Hessians are collected over; 0 if no
  /// quantiser reads one.
  virtual int64_t calibrationBatches() const = 0;

  /// Emits one module: the variables of parameters, and of the gradients,
  /// states and averages that the functions need; `@switch.<name>() -> f64`,
  /// `@log.lr() -> f64`, and the functions asked for. Errors that depend on B
  /// and T are printed to `diagnostics`; then the result is null.
  virtual mlir::OwningOpRef<mlir::ModuleOp>
  emit(mlir::MLIRContext &context, llvm::ArrayRef<EmitRequest> requests,
       llvm::raw_ostream &diagnostics) = 0;
};

/// Reads, parses and checks. Errors and warnings are printed to `diagnostics`;
/// null if there were errors. The dialects that emission needs are loaded into
/// `context`, which must outlive the program.
std::unique_ptr<Program> loadProgram(const FrontendOptions &options,
                                     mlir::MLIRContext &context,
                                     llvm::raw_ostream &diagnostics);

} // namespace pgc
