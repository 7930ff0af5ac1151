// The processors that kernels are compiled for.
#pragma once

#include "mlir/Support/LLVM.h"
#include <string>

namespace pgc {

/// A processor, as far as code generation depends on it.
struct Target {
  std::string name;   // as on the command line: "native", "sm_90a"
  std::string triple; // LLVM's target triple
  std::string cpu;    // LLVM's name of the processor
  std::string
      features; // LLVM's features beyond those of `cpu`, as "+avx512bf16"
  unsigned vectorBits =
      256;              // width of a vector register: 256 or 512; 128 on a GPU
  bool bf16Dot = false; // has vdpbf16ps and vcvtneps2bf16 (AVX-512 BF16)
  bool emulateDot = false; // computes those two by plain arithmetic: to test
                           // the code elsewhere

  /// Whether kernels are compiled to PTX: see compiler/gpu/GpuCodegen.h.
  bool isGpu() const { return triple == "nvptx64-nvidia-cuda"; }
  /// Whether products of bf16 are what the processor is made for.
  bool prefersBf16() const { return bf16Dot || isGpu(); }
  /// Elements of a vector register; of a GPU, of an access of 16 bytes.
  unsigned getLanes(unsigned elementBits) const {
    return vectorBits / elementBits;
  }
};

/// The target of that name: "native" (this machine), "x86-64-v3" (AVX2 + FMA),
/// "x86-64-v4" (AVX-512) or "x86-64-v4+bf16" (AVX-512 with bf16 dot products,
/// as on Zen 4 or Sapphire Rapids), "sm_90a" (an H100). Fails, with a message
/// in `error`, on any other name and on a machine without AVX2 and FMA.
mlir::FailureOr<Target> getTarget(llvm::StringRef name, std::string &error);

} // namespace pgc
