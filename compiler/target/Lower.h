// From emitted functions (arith, scf, vector, llvm) to object code, in this
// process.
#pragma once

#include "compiler/target/Target.h"
#include "mlir/IR/BuiltinOps.h"

namespace pgc {

/// What `compileModule` makes.
enum class CodeForm { Object, Assembly };

/// Lowers every function of `module` to LLVM's dialect, in place.
mlir::LogicalResult lowerToLLVM(mlir::ModuleOp module);

/// Compiles a module that `lowerToLLVM` lowered. Safe to call from several
/// threads, each with a module of its own.
mlir::FailureOr<std::string> compileModule(mlir::ModuleOp module,
                                           const Target &target, CodeForm form);

/// Links objects to one shared object, with the linker `ld.lld`. Symbols that
/// the objects lack (of the C library) stay open.
mlir::FailureOr<std::string>
linkSharedObject(llvm::ArrayRef<std::string> objects, std::string &error);

} // namespace pgc
