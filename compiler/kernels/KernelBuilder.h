// Helpers with which all kinds of kernels are emitted.
//
// Kernels are written at the level of machine vectors: scf.for over i64,
// llvm.ptr for memory, llvm.load and llvm.store of builtin vectors, arith and
// math on scalars and vectors alike. A *register value* is a scalar (lanes = 1)
// or a vector of f32, f64, i64 or i1. bf16 exists in memory only: in registers
// it is an f32 that bf16 can represent.
#pragma once

#include "compiler/target/Target.h"
#include "dialects/sched/Sched.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace pgc {

class KernelBuilder {
public:
  /// Adds the kernel's function to `out` and continues at its entry. For a GPU
  /// the kernel has its attribute `gpu`.
  KernelBuilder(pg::sched::KernelOp kernel, const Target &target,
                mlir::ModuleOp out);
  /// Continues at the entry of `function`, which has no body yet: one that
  /// kernels call. Its arguments are the function's own; the members below that
  /// belong to a kernel stay empty.
  KernelBuilder(mlir::func::FuncOp function, const Target &target);
  /// Ends the function.
  void finish();

  const Target &target;
  mlir::OpBuilder b;
  mlir::Location loc;
  mlir::func::FuncOp function;
  mlir::Value chunk;   // i64; on a GPU the thread's number in the whole grid
  mlir::Value scratch; // ptr
  llvm::SmallVector<mlir::Value> buffers; // ptr: operands, then results
  llvm::SmallVector<mlir::Value> scalars; // f64
  // Of a GPU's kernels alone: the numbers of the block, along x, and of the
  // thread in it, i64; and tensor maps, ptr.
  mlir::Value block, thread;
  llvm::SmallVector<mlir::Value> tensorMaps;

  //===--------------------------------------------------------------------===//
  // Types
  //===--------------------------------------------------------------------===//

  /// The register type of elements of a tensor: the element type itself, f32
  /// for bf16; a vector if lanes > 1.
  mlir::Type getRegisterType(mlir::Type element, unsigned lanes = 1);
  /// Lanes of a register type; 1 for scalars.
  static unsigned getLanes(mlir::Type type);
  static mlir::Type getElementType(mlir::Type type);
  /// Bytes of an element in memory.
  static int64_t getElementBytes(mlir::Type element);

  //===--------------------------------------------------------------------===//
  // Constants and index arithmetic (i64; folds what is known)
  //===--------------------------------------------------------------------===//

  mlir::Value index(int64_t value);
  /// A constant of a register type, the same in all lanes.
  mlir::Value constant(mlir::Type type, double value);
  mlir::Value integer(mlir::Type type, int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return add(a, index(b)); }
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b) { return mul(a, index(b)); }
  /// Quotient and remainder of numbers that are not negative.
  mlir::Value div(mlir::Value a, int64_t b);
  mlir::Value rem(mlir::Value a, int64_t b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  /// The value of an i64 constant, if it is one.
  static std::optional<int64_t> getConstant(mlir::Value value);

  //===--------------------------------------------------------------------===//
  // Control flow
  //===--------------------------------------------------------------------===//

  /// for (i = low; i < high; i += step), carrying values. Returns the last
  /// ones.
  using Body = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value i, mlir::ValueRange carried)>;
  llvm::SmallVector<mlir::Value> loop(mlir::Value low, mlir::Value high,
                                      int64_t step, mlir::ValueRange inits,
                                      Body body);
  /// The same without carried values.
  void loop(mlir::Value low, mlir::Value high, int64_t step,
            llvm::function_ref<void(mlir::Value i)> body);
  /// if (condition : i1) body.
  void when(mlir::Value condition, llvm::function_ref<void()> body);

  //===--------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------===//

  /// base + i elements of type `element` (as in memory).
  mlir::Value at(mlir::Value base, mlir::Value i, mlir::Type element);
  mlir::Value at(mlir::Value base, int64_t i, mlir::Type element) {
    return at(base, index(i), element);
  }
  /// `lanes` consecutive elements as a register value; converts bf16 to f32 and
  /// bytes to i1. `align`: known alignment of the address in bytes, 0 for the
  /// element's own.
  mlir::Value load(mlir::Value address, mlir::Type element, unsigned lanes = 1,
                   unsigned align = 0);
  /// The same, of which only the first `count` lanes are used: reads past them
  /// only as far as buffers may be read (64 bytes).
  mlir::Value loadPartial(mlir::Value address, mlir::Type element,
                          unsigned lanes, unsigned count);
  /// Stores a register value as elements of that type (f32 to bf16 rounds to
  /// nearest even). Only the first `count` lanes are written (0: all).
  void store(mlir::Value value, mlir::Value address, mlir::Type element,
             unsigned count = 0, unsigned align = 0);
  /// Stores a vector of f32 that fills 64 bytes or divides them, aligned to its
  /// size, past the caches: without reading the lines first. `fence` must follow
  /// before the kernel returns.
  void storePast(mlir::Value value, mlir::Value address, mlir::Type element);
  void fence();
  /// Loads, adds, stores.
  void accumulate(mlir::Value value, mlir::Value address, mlir::Type element,
                  unsigned count = 0, unsigned align = 0);
  /// Sets bytes to zero.
  void zero(mlir::Value address, int64_t bytes);

  //===--------------------------------------------------------------------===//
  // Arithmetic on register values, scalars or vectors
  //===--------------------------------------------------------------------===//

  mlir::Value splat(mlir::Value scalar, unsigned lanes);
  mlir::Value addf(mlir::Value x, mlir::Value y);
  mlir::Value subf(mlir::Value x, mlir::Value y);
  mlir::Value mulf(mlir::Value x, mlir::Value y);
  mlir::Value divf(mlir::Value x, mlir::Value y);
  mlir::Value negf(mlir::Value x);
  /// x y + z in one rounding.
  mlir::Value fma(mlir::Value x, mlir::Value y, mlir::Value z);
  /// x if it is the larger or NaN, else y.
  mlir::Value maxf(mlir::Value x, mlir::Value y);
  mlir::Value minf(mlir::Value x, mlir::Value y);
  /// f32: polynomials, within about 2 units in the last place, correct for
  /// infinities and NaN. f64: the C library, or on a GPU likewise.
  mlir::Value exp(mlir::Value x);
  mlir::Value log(mlir::Value x);
  mlir::Value tanh(mlir::Value x);
  mlir::Value sigmoid(mlir::Value x);
  mlir::Value sqrt(mlir::Value x);
  mlir::Value rsqrt(mlir::Value x); // 1 / sqrt(x), both rounded exactly
  mlir::Value cos(mlir::Value x);   // through f64
  mlir::Value sin(mlir::Value x);
  mlir::Value pow(mlir::Value x, mlir::Value y); // through f64
  /// The nearest f32 that bf16 can represent (ties to even).
  mlir::Value roundToBf16(mlir::Value x);
  /// The nearest number that float16 can represent (ties to even), in x's own
  /// type; 65,520 and above become infinite.
  mlir::Value roundToF16(mlir::Value x);
  /// Between register types: f32 or f64, i64, i1. To i64 drops the fraction, to
  /// i1 is `!= 0`.
  mlir::Value convert(mlir::Value x, mlir::Type toElement);
  /// The sum or maximum of the lanes by halves: (0..3) + (4..7), and so on.
  mlir::Value sumLanes(mlir::Value x);
  mlir::Value maxLanes(mlir::Value x);
  /// The lanes [0, count) of `x`; the others are those of `otherwise` (same
  /// type).
  mlir::Value keepLanes(mlir::Value x, unsigned count, mlir::Value otherwise);

  /// What an elementwise pg op (arithmetic, comparison, select, convert)
  /// computes of register values, all of the same number of lanes. Null for any
  /// other op.
  mlir::Value elementwise(mlir::Operation *op,
                          llvm::ArrayRef<mlir::Value> operands);
  /// Whether `elementwise` knows the op.
  static bool isElementwise(mlir::Operation *op);

private:
  void beginGpuKernel(pg::sched::KernelOp kernel);
  llvm::SmallVector<mlir::Value> pickCopy(llvm::ArrayRef<mlir::Value> pointers,
                                          int64_t operands, int64_t copies);
  mlir::Value unaryF64(llvm::StringRef function, mlir::Value x);

  llvm::DenseMap<mlir::Attribute, mlir::Value> constants;
};

} // namespace pgc
