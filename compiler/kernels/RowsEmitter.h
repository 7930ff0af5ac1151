// Emits the code of a rows kernel from its plan.
#pragma once

#include "compiler/kernels/KernelBuilder.h"
#include "compiler/kernels/RowsPlan.h"

namespace pgc {

class RowsEmitter {
public:
  RowsEmitter(RowsPlan &plan, const Target &target, mlir::ModuleOp out);
  void emit();

private:
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
  unsigned lanes; // elements of a vector
  std::vector<Level> levels;
  llvm::DenseMap<unsigned, Reg> variables; // of loops: of the first lane
  llvm::DenseMap<mlir::Value, Reg> rowScalars;
  llvm::DenseMap<mlir::Value, mlir::Value> globals;
  llvm::DenseMap<unsigned, const Nest *> firstReaders; // of each buffer
  llvm::DenseMap<int64_t, mlir::Value> slots; // addresses within scratch
  llvm::DenseMap<unsigned, mlir::Value>
      partials; // where this chunk's sums over rows go, by result

  // The nest that is being emitted.
  const Nest *nest = nullptr;
  llvm::DenseSet<mlir::Value> keptHere; // values that it puts into scratch
  llvm::SmallVector<unsigned>
      order; // places of its variables: kept ones, then those summed over
  unsigned keptCount = 0;
  std::optional<unsigned> vectorVariable;
  unsigned count = 1; // lanes in use
  unsigned unroll = 1;

  // RowsEmitter.cpp: loops
  void emitRow(mlir::Value row);
  void emitNest(const Nest &emitted);
  Accumulators emitLoops(unsigned depth, Accumulators accumulators);
  Accumulators emitVariable(unsigned depth, Accumulators accumulators);
  Accumulators emitVectorLoop(unsigned depth, unsigned variable,
                              Accumulators accumulators);
  Accumulators emitBody(const Accumulators &accumulators, unsigned steps);
  Accumulators
  loop(mlir::Value low, mlir::Value high, int64_t step, mlir::ValueRange inits,
       llvm::function_ref<Accumulators(mlir::Value, mlir::ValueRange)> body);
  void bind(unsigned variable, mlir::Value value);
  void finishReductions(llvm::ArrayRef<mlir::Value> accumulators);
  void emitStore(const Root &root, mlir::Value value,
                 llvm::ArrayRef<Index> coordinates);
  mlir::Value combine(pg::ReduceOp reduce, mlir::Value x, mlir::Value y);
  mlir::Value neutral(pg::ReduceOp reduce);
  unsigned chooseUnroll() const;
  unsigned accumulatorLanes() const { return vectorVariable ? lanes : 1; }

  // RowsValues.cpp: values
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
  void prefetch(unsigned buffer, mlir::Type element, const Index &flat);
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
