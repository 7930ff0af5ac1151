// The processors that kernels are compiled for.
#pragma once

#include "mlir/Support/LLVM.h"
#include <string>

namespace pgc {

/// A processor, as far as code generation depends on it.
struct Target {
  std::string
      name; // as on the command line: "native", "x86-64-v3", "x86-64-v4"
  std::string triple; // LLVM's target triple
  std::string cpu;    // LLVM's name of the processor
  std::string
      features; // LLVM's features beyond those of `cpu`, as "+avx512bf16"
  unsigned vectorBits = 256; // width of a vector register: 256 or 512
  bool bf16Dot = false;      // has vdpbf16ps and vcvtneps2bf16 (AVX-512 BF16)
  bool emulateDot = false;   // computes those two by plain arithmetic: to test
                             // the code elsewhere

  /// Elements of a vector register.
  unsigned getLanes(unsigned elementBits) const {
    return vectorBits / elementBits;
  }
};

/// The target of that name: "native" (this machine), "x86-64-v3" (AVX2 + FMA),
/// "x86-64-v4" (AVX-512) or "x86-64-v4+bf16" (AVX-512 with bf16 dot products,
/// as on Zen 4 or Sapphire Rapids). Fails, with a message in `error`, on any
/// other name and on a machine without AVX2 and FMA.
mlir::FailureOr<Target> getTarget(llvm::StringRef name, std::string &error);

} // namespace pgc
