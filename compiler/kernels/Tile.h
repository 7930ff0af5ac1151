// The inner loops of matrix products, shared by product and attention kernels:
// functions that kernels of a module call.
//
// They compute C[m, n] (+)= A[m, k] B[k, n] on blocks that lie in a core's
// caches. In units of elements:
//   A, "by rows":    element (i, l) at i step + l: read as it lies where l is
//                    contiguous
//   A, "by columns": element (i, l) at (i / 12) panel + l step + i % 12
//   B:               element (l, j) at (j / 16) panel + l step + j % 16
//   C:               element (i, j) at i step + j
// Both "by columns" and B so cover packed panels (panel = k step) and matrices
// as they lie (panel = 12 or 16). All of the ⌈n/16⌉ panels of B are read to
// their full width. Each element of C is the sum over l in order, whatever the
// sizes.
#pragma once

#include "compiler/kernels/KernelBuilder.h"

namespace pgc {

/// Rows of a panel of A, and columns of a panel of B, on every target and for
/// every type.
constexpr int64_t tileRows = 12;
constexpr int64_t panelColumns = 16;

/// The arithmetic of a product.
enum class TileKind {
  F32,
  F64,
  Bf16Dot ///< elements of A and B are pairs of bf16, neighbours along k, held
          ///< as i32; k counts pairs; C is f32
};

/// How products of operands of this type (f32, f64 or bf16) are computed.
/// Operands of bf16 are widened to f32 on targets that have no dot product of
/// them.
TileKind getTileKind(mlir::Type operand, const Target &target);

struct TileA {
  mlir::Value base, step;
  mlir::Value panel; // null: by rows
};
struct TileB {
  mlir::Value base, step, panel;
};
struct TileC {
  mlir::Value base, step;
};

/// What a packing function writes: element (r, c) of a matrix at (c / width)
/// panel + r step + c % width. Columns up to the next multiple of 16 are zero.
struct TilePanels {
  mlir::Value base, step, panel;
  int64_t width = panelColumns; // 16, or 12 for an A by columns
};

/// Emits calls of the shared functions at the builder's place; adds the
/// functions to the kernel's module at their first use.
class Tile {
public:
  Tile(KernelBuilder &kb, TileKind kind) : kb(kb), kind(kind) {}

  TileKind getKind() const { return kind; }
  /// The elements of A and B: f32, f64 or i32 (pairs of bf16).
  mlir::Type getOperandType() const;
  /// The elements of C: f32 or f64.
  mlir::Type getSumType() const;
  /// Consecutive k in one element: 2 for pairs of bf16.
  int64_t getGroup() const { return kind == TileKind::Bf16Dot ? 2 : 1; }

  /// C = A B, or C += A B where `accumulate` (i1) is set. All sizes are at
  /// least 1.
  void multiply(const TileA &a, const TileB &b, const TileC &c, mlir::Value m,
                mlir::Value n, mlir::Value k, mlir::Value accumulate);

  /// Copies the matrix [rows, columns] at `source`, whose rows lie `step`
  /// elements of type `element` apart, to panels; rows are the k of the
  /// product. With `round`, f32 is rounded to what bf16 can represent. Pairs
  /// take two rows each, of bf16, or of f32 that is rounded; a missing last row
  /// is zero. Writes up to 16 elements past each panel of width 12.
  void packRows(mlir::Value source, mlir::Type element, mlir::Value step,
                mlir::Value rows, mlir::Value columns, const TilePanels &panels,
                bool round = false);
  /// The same of the transposed matrix: source rows become columns, source
  /// columns are the k of the product. Reads up to 64 bytes past each row of
  /// the source.
  void packColumns(mlir::Value source, mlir::Type element, mlir::Value step,
                   mlir::Value rows, mlir::Value columns,
                   const TilePanels &panels, bool round = false);
  /// Copies [rows, columns] without a change of order: an A by rows with
  /// `targetStep` elements between rows. For pairs, an odd last column is
  /// paired with zero.
  void copyRows(mlir::Value source, mlir::Type element, mlir::Value step,
                mlir::Value rows, mlir::Value columns, mlir::Value target,
                mlir::Value targetStep, bool round = false);

  /// Widens panels of pairs of bf16, `sourcePanel` pairs apart, to panels of
  /// f32: `depth` rows, `columns` columns. Writes a row of zeros past the last
  /// panel if `depth` is odd.
  void widenPairs(mlir::Value source, mlir::Value sourcePanel,
                  mlir::Value depth, mlir::Value columns,
                  const TilePanels &panels);

private:
  void call(llvm::StringRef name, mlir::ValueRange arguments,
            llvm::function_ref<void(KernelBuilder &)> body);

  KernelBuilder &kb;
  TileKind kind;
};

} // namespace pgc
