// Compiles sched.kernels, runs them on random numbers, and compares with the
// interpreter.
#pragma once

#include "compiler/kernels/Codegen.h"
#include "tests/support/Interpreter.h"

namespace pgtest {

struct KernelCheck {
  /// Largest error, relative to the largest magnitude of a result (and at least
  /// 1e-30).
  double tolerance = 2e-6;
  /// That of single results, the first ones, where it is another.
  std::vector<double> tolerances = {};
  /// Floats are drawn from a normal distribution with this deviation and mean;
  /// integers from [low, high).
  double deviation = 1, mean = 0;
  int64_t low = 0, high = 8;
  /// Step values; drawn from [0.5, 1.5) where there are too few.
  std::vector<double> scalars = {};
  unsigned seed = 1;
  /// Replaces the operands that were drawn, where it likes to.
  std::function<void(unsigned operand, Tensor &value)> edit = {};
  /// Names of targets; "wide" is x86-64-v3 with vectors of 512 bits, which
  /// tests the code for AVX-512 without it, "wide+dot" that with emulated dot
  /// products of bf16. Where the CPU has them, x86-64-v4 and x86-64-v4+bf16 are
  /// tested beside these two.
  std::vector<std::string> targets = {"native", "wide"};
};

/// Plans and compiles every kernel in the module `text` and compares its
/// results with the interpreter's: chunks are run in rising and in falling
/// order (which must give the same bits), results start as NaN (store) or as
/// random numbers (accumulate), and memory beyond the buffers and the scratch
/// must stay as it is. Returns what is wrong; empty if all is well.
std::string checkKernels(llvm::StringRef text, const KernelCheck &check = {});

/// The assembly of the module's kernels.
std::string compileToAssembly(llvm::StringRef text, llvm::StringRef target);

/// A context with the dialects of kernels.
mlir::MLIRContext &getTestContext();

} // namespace pgtest
