// The command line of pgc.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pgc {

/// What pgc writes.
enum class Emit { Plan, Ast, Pg, Sched, Kernels, Asm, Ptx };

/// B sequences of T tokens.
struct BatchShape {
  int64_t batch = 0;
  int64_t seq = 0;
};

struct Options {
  std::string model; // the .pgm file
  std::string
      output; // empty: <model>.plan for a plan, stdout ("-") for all else
  std::vector<std::string> defines; // name=expression
  std::vector<std::string> targets; // as --target lists them; never empty
  std::string numerics; // "autocast", "bf16", "f32", "f64"; empty: what fits
                        // the first target
  std::optional<BatchShape> probe;
  bool holdStopGradients = false; // in the programs of `probe`
  int64_t microBatch = 0;         // sequences; 0: chosen
  int64_t scoreBatch = 0;         // windows; 0: chosen
  int64_t threads = 0;            // for generating code; 0: one a processor
  Emit emit = Emit::Plan;
  std::string report;        // a file, or empty
  bool evaluateOnly = false; // --only=evaluate
  bool warningsAsErrors = false;
  bool help = false;
  bool version = false;
  std::vector<std::string> mlirFlags; // --mlir-…: MLIR's own
};

/// Parses the arguments (without the program's name). On a mistake `error` says
/// what is wrong, and the result is empty.
std::optional<Options> parseOptions(llvm::ArrayRef<llvm::StringRef> arguments,
                                    std::string &error);

/// The text of --help.
std::string helpText();

/// "pgc 0.1.0": also the producer that a plan names.
llvm::StringRef versionText();

} // namespace pgc
