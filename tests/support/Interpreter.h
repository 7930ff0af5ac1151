// A slow, independent evaluation of `pg` operations, against which tests
// compare what the compiler makes of them.
#pragma once

#include "dialects/pg/Pg.h"
#include "dialects/sched/Sched.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include <functional>
#include <vector>

namespace pgtest {

/// A dense row-major tensor. Every kind of element is held as a double: numbers
/// of type i64 must stay below 2^53.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<double> data;

  Tensor() = default;
  explicit Tensor(std::vector<int64_t> shape, double value = 0);
  int64_t size() const { return static_cast<int64_t>(data.size()); }
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  /// Distance of neighbours along an axis.
  int64_t stride(int64_t axis) const;
  /// The element at broadcast coordinates: lined up at the last axes, axes of
  /// size 1 stay at 0.
  double broadcastAt(llvm::ArrayRef<int64_t> coordinates) const;
};

/// Calls `visit` with all coordinates within a shape, in row-major order.
void forEach(
    llvm::ArrayRef<int64_t> shape,
    llvm::function_ref<void(llvm::ArrayRef<int64_t> coordinates)> visit);

/// The nearest number that bf16 holds, ties to even.
double roundToBf16(double x);

/// The nearest number that float16 holds, ties to even; infinite from 65,520
/// on.
double roundToF16(double x);

/// What a single operation computes. Arithmetic is in double whatever the
/// element type; only pg.convert rounds, to bf16, and pg.round_f16, and
/// conversions to integers and masks are those of the language. Aborts on
/// operations it does not know.
std::vector<Tensor> evaluate(mlir::Operation *op,
                             llvm::ArrayRef<Tensor> operands);

/// Evaluates blocks of `pg` operations with values, step values and variables.
class Interpreter {
public:
  double step = 0, progress = 0, sequences = 1, microBatch = 0;
  llvm::StringMap<Tensor> variables;

  /// Runs a block with a single terminator (a function's, a sched.kernel's);
  /// returns the terminator's operands. Arguments of type f64 are tensors of
  /// shape [].
  std::vector<Tensor> run(mlir::Block &block, llvm::ArrayRef<Tensor> arguments);
};

} // namespace pgtest
