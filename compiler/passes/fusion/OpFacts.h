// What fusion knows about operations: what they may become a part of, and along
// which axes they work row by row.
#pragma once

#include "dialects/pg/Pg.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Operation.h"

namespace pgc {

/// What becomes of an operation when kernels are formed.
enum class Role {
  StepValue, // works on f64 scalars, before the step; stays in the function
  Source, // a value that lies in memory without being computed: a load, a table
          // of constants
  Free, // the same number everywhere: a splat constant or step value, made anew
        // wherever it is used
  View, // the same bytes under another shape: a reshape, an aligned slice of
        // leading axes
  Row,  // elementwise, or within rows: joins others in a kernel of kind "rows"
  Product, // a matrix product
  Attention,
  AttentionGrad,
  Embed,
  EmbedGrad,
  Concat, // parts that are computed straight into their places in the whole
  Host,   // linear algebra on the host: stays in the function
  Loops,  // all else on tensors: a kernel of its own
  Sink,   // a store or an accumulation into a variable
  Terminator,
};

Role getRole(mlir::Operation *op);

/// Whether each element of the result depends only on the elements at its place
/// in the operands, which broadcast.
bool isElementwise(mlir::Operation *op);

/// The shape over which the operation iterates: that of the largest of its
/// operands and results.
llvm::ArrayRef<int64_t> getIterationShape(mlir::Operation *op);

/// The number of leading axes of the iteration shape along which a Row
/// operation never mixes elements.
int64_t getRowAxes(mlir::Operation *op);

/// Whether the slice's elements are consecutive in memory and start at a
/// multiple of 64 bytes.
bool isAlignedSlice(pg::SliceOp slice);

/// Bytes of a tensor in memory.
int64_t getBytes(mlir::Value tensor);

/// The operation that computes what `value` shows through reshapes and other
/// views; null for arguments of the function.
mlir::Operation *getProducer(mlir::Value value);

/// `value` without the views that it is seen through.
mlir::Value getViewed(mlir::Value value);

} // namespace pgc
