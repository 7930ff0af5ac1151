// From emitted functions (arith, scf, vector, llvm) to object code, in this
// process.
#pragma once

#include "compiler/target/Target.h"
#include "mlir/IR/BuiltinOps.h"

namespace pgc {

/// What `compileModule` makes.
enum class CodeForm { Object, Assembly };

/// What the code generator made of one function.
struct FunctionFrame {
  std::string name;
  int64_t stackBytes = 0;
  int64_t spills = 0;  // registers stored for want of room: instructions
  int64_t reloads = 0; // and loaded again
};

/// Of a func.func: it is a GPU's kernel, and blocks have so many threads. Its
/// arguments with `llvm.byval` are tensor maps.
inline constexpr llvm::StringLiteral gpuThreadsAttr = "gpu_threads";

/// Lowers every function of `module` to LLVM's dialect, in place.
mlir::LogicalResult lowerToLLVM(mlir::ModuleOp module);

/// Compiles a module that `lowerToLLVM` lowered; adds a frame for each function
/// to `frames`. Safe to call from several threads, each with a module of its
/// own.
mlir::FailureOr<std::string> compileModule(mlir::ModuleOp module,
                                           const Target &target, CodeForm form,
                                           std::vector<FunctionFrame> &frames);

/// Links objects to one shared object, with the linker `ld.lld`. Symbols that
/// the objects lack (of the C library) stay open.
mlir::FailureOr<std::string>
linkSharedObject(llvm::ArrayRef<std::string> objects, std::string &error);

} // namespace pgc
