// What the attributes `gpu` and `library` of sched.kernel say, as structures.
#pragma once

#include "dialects/sched/Sched.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <array>

namespace pg::sched {

/// A bulk tensor copy's view of a buffer (cuTensorMapEncodeTiled). The plan's
/// checks say which values a GPU can take.
struct TensorMap {
  int64_t buffer = 0; ///< operands, then results
  mlir::Type type;
  llvm::SmallVector<int64_t, 5> sizes;   ///< innermost first
  llvm::SmallVector<int64_t, 4> strides; ///< bytes, of axes 1, …
  llvm::SmallVector<int64_t, 5> box;
  int64_t swizzle = 0; ///< 0, 32, 64, 128 bytes
};

using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

struct GpuLaunch {
  std::array<int64_t, 3> grid{1, 1, 1};
  int64_t threads = 1;
  int64_t sharedBytes = 0; ///< dynamic
  int64_t cluster = 1;     ///< blocks, along x
  llvm::SmallVector<TensorMap, 0> tensorMaps;
  /// A launch that does the work of `copies` launches of the kernel `copyOf`,
  /// if there is one: operands are those of each copy in turn, results
  /// likewise, scalars are shared. Blocks have the copy's number along y.
  int64_t copies = 1;
  mlir::FlatSymbolRefAttr copyOf;
  /// A launch that does the work of several others, if there are any: operands
  /// are those of each in turn, results, step values and tensor maps likewise.
  /// Blocks fall to the parts in their order; where a part's blocks have fewer
  /// threads, a block of this launch takes several of them.
  struct Part {
    mlir::FlatSymbolRefAttr kernel;
    mlir::DictionaryAttr gpu; ///< how the kernel would be launched alone
  };
  llvm::SmallVector<Part, 0> parts;

  /// Reads the attribute; completes the diagnostic that `emitError` begins
  /// ("… has") where it is malformed.
  static mlir::FailureOr<GpuLaunch> get(mlir::DictionaryAttr attr,
                                        EmitError emitError);
  mlir::DictionaryAttr toAttr(mlir::MLIRContext *context) const;
};

/// How many copies of another kernel a launch of this one is; 1 of all but
/// GPUs' merged kernels.
int64_t getCopies(KernelOp kernel);

/// D[m, n] (+)= op(A) op(B), `batch` of them: see LibraryProduct in plan.proto.
struct LibraryProduct {
  int64_t m = 1, n = 1, k = 1, batch = 1;
  bool transposeA = false, transposeB = false, accumulate = false;
  mlir::Type aType, bType, dType;
  int64_t strideA = 0, strideB = 0, strideD = 0;

  static mlir::FailureOr<LibraryProduct> get(mlir::DictionaryAttr attr,
                                             EmitError emitError);
  mlir::DictionaryAttr toAttr(mlir::MLIRContext *context) const;
};

} // namespace pg::sched
