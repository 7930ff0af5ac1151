// The values of a rows kernel, computed where its loops stand: what the
// emitters for CPUs and for GPUs share.
#pragma once

#include "compiler/kernels/KernelBuilder.h"
#include "compiler/kernels/RowsPlan.h"

namespace pgc {

class RowsValues {
protected:
  /// `kernel`: the one to emit, that of the plan or what is launched for copies
  /// of it.
  RowsValues(RowsPlan &plan, pg::sched::KernelOp kernel, const Target &target,
             mlir::ModuleOp out)
      : plan(plan), space(plan.space), k(kernel, target, out), out(out) {}
  ~RowsValues() = default;

  /// A register value, and the number of the innermost loop that it depends on:
  /// 0 none, 1 that over rows, then the nest's.
  struct Reg {
    mlir::Value value;
    unsigned level = 0;
  };
  /// What is known within one loop.
  struct Level {
    mlir::Operation *nested =
        nullptr; // the loop within it that is being filled
    std::map<std::vector<int64_t>, Reg> known;
  };
  using Accumulators =
      llvm::SmallVector<mlir::Value>; // one for each reduction of the nest, for
                                      // each of the unrolled steps

  RowsPlan &plan;
  Space &space;
  KernelBuilder k;
  mlir::ModuleOp out;
  unsigned lanes = 1; // elements of a vector
  std::vector<Level> levels;
  llvm::DenseMap<unsigned, Reg> variables; // of loops: of the first lane
  llvm::DenseMap<mlir::Value, Reg> rowScalars;
  llvm::DenseMap<mlir::Value, mlir::Value> globals;
  llvm::DenseMap<int64_t, mlir::Value> slots; // addresses within scratch

  // The nest that is being emitted.
  const Nest *nest = nullptr;
  llvm::DenseSet<mlir::Value> keptHere; // values that it puts into scratch
  std::optional<unsigned> vectorVariable;
  unsigned count = 1; // lanes in use

  //===--------------------------------------------------------------------===//
  // Of each emitter
  //===--------------------------------------------------------------------===//

  /// The address of the row's scratch plus some bytes.
  virtual mlir::Value makeSlot(int64_t offset) = 0;
  /// May ask for what the next row will read.
  virtual void prefetch(unsigned buffer, mlir::Type element,
                        const Index &flat) {}

  //===--------------------------------------------------------------------===//
  // Loops
  //===--------------------------------------------------------------------===//

  /// A loop, and all that is known about what is being emitted within it.
  Accumulators
  loop(mlir::Value low, mlir::Value high, int64_t step, mlir::ValueRange inits,
       llvm::function_ref<Accumulators(mlir::Value, mlir::ValueRange)> body);
  /// The same for what runs only on a condition.
  void guard(mlir::Value condition, llvm::function_ref<void()> body);
  void bind(unsigned variable, mlir::Value value);
  /// Binds the kernel's row variables.
  void bindRow(mlir::Value row);
  /// What is known about a nest before its loops.
  void startNest(const Nest &started);
  /// The values of all roots where the loops stand, but for the rounding that
  /// is left to stores; `move` changes coordinates. As vectors, if there are
  /// vectors.
  llvm::SmallVector<mlir::Value>
  evaluateRoots(llvm::function_ref<Coordinates(llvm::ArrayRef<Index>)> move);

  //===--------------------------------------------------------------------===//
  // Reductions
  //===--------------------------------------------------------------------===//

  mlir::Value combine(pg::ReduceOp reduce, mlir::Value x, mlir::Value y);
  /// What changes nothing in a reduction; a vector if `wide`.
  mlir::Value neutral(pg::ReduceOp reduce, bool wide);
  /// One of each nest's reduction.
  Accumulators neutrals();
  /// Where a reduction's result lies in the row's scratch.
  mlir::Value getReductionSlot(const Root &root);

  //===--------------------------------------------------------------------===//
  // Values
  //===--------------------------------------------------------------------===//

  void goTo(unsigned level, mlir::OpBuilder::InsertionGuard &guard);
  Reg evaluate(mlir::Value value, const Coordinates &coordinates);
  Reg evaluateFlat(mlir::Value value, const Index &flat);
  Reg evaluateOp(mlir::Operation *op, const Coordinates &coordinates);
  Reg evaluateBounded(Read read, mlir::Type element);
  Reg evaluateRope(pg::RopeOp op, const Coordinates &coordinates);
  Reg evaluateLookup(mlir::Operation *op, const Coordinates &coordinates);
  Reg evaluateLanes(mlir::Operation *op, const Coordinates &coordinates);
  Reg evaluateIota(pg::IotaOp op, const Index &index);
  Reg constant(pg::ConstantOp op);
  Reg readResident(mlir::Value value, const Resident &resident,
                   const Index &flat);
  const Resident *findResident(mlir::Value value) const;
  Reg load(mlir::Value base, mlir::Type element, const Index &flat,
           unsigned minLevel = 0);
  mlir::Value getSlot(int64_t offset);
  /// Bytes that the address of an element is known to be a multiple of; 0: its
  /// own size.
  unsigned getAlignment(mlir::Type element, const Index &flat) const;
  Reg getAddress(mlir::Value base, mlir::Type element, const Index &flat);
  Reg getIndex(const Index &index);
  /// The terms of an index, outer loops first.
  llvm::SmallVector<std::pair<Reg, int64_t>> getTerms(const Index &index) const;
  Reg apply(
      llvm::ArrayRef<Reg> operands,
      llvm::function_ref<mlir::Value(llvm::ArrayRef<mlir::Value>)> compute);
  Reg remember(std::vector<int64_t> key, Reg reg);
  unsigned bindDynamic(const Reg &id, int64_t size, std::vector<int64_t> key);
  /// 0 <= index < size.
  Reg isInside(const Reg &index, int64_t size);
  mlir::Value toVector(mlir::Value value);
  mlir::Value getGlobal(pg::ConstantOp op);
  bool usesLanes(llvm::ArrayRef<Index> coordinates) const;
};

} // namespace pgc
