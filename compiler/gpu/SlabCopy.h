// Copies by threads of tiles from global memory to slabs (see TensorCore.h):
// for matrices that no tensor map describes, because their rows do not begin at
// multiples of 16 bytes, or that are rounded to bf16 on the way.
#pragma once

#include "compiler/gpu/TensorCore.h"

namespace pgc {

/// A matrix in global memory: element (r, c) at `base` + r `rowStride` + c.
struct SlabSource {
  mlir::Value base;
  mlir::Type element; // f32 or bf16
  int64_t rowStride = 0;
  mlir::Value rows;     // what exists; beyond, slabs are zero
  mlir::Value columns;  // the same
  bool aligned = false; // rows begin at multiples of 8 elements and 16 bytes,
                        // and `columns` is a multiple of 8
};

/// Copies `rows` rows (a multiple of 8) from `firstRow`, 64 columns from
/// `firstColumn` (a multiple of 8), to the slab at `to`; `thread` is one of
/// `threads`, all of which take part.
void copySlab(KernelBuilder &kb, const SlabSource &source, mlir::Value firstRow,
              mlir::Value firstColumn, int64_t rows, mlir::Value to,
              mlir::Value thread, int64_t threads);

} // namespace pgc
