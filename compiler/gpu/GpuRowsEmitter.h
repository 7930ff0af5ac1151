// Emits the code of a rows kernel from its plan, for a GPU.
#pragma once

#include "compiler/gpu/GpuRows.h"
#include "compiler/kernels/RowsValues.h"

namespace pgc {

class GpuRowsEmitter final : RowsValues {
public:
  GpuRowsEmitter(RowsPlan &plan, const GpuRowsLayout &layout,
                 pg::sched::KernelOp kernel, const Target &target,
                 mlir::ModuleOp out)
      : RowsValues(plan, kernel, target, out), layout(layout) {}
  void emit();

private:
  const GpuRowsLayout &layout;
  mlir::Value shared, groupScratch; // ptr<3>: of the block, of the group
  mlir::Value group, lane; // i64: of the block; the thread's number in it
  mlir::Value rowValid;    // i1: whether the group's row is one; null: surely
  // Where the thread's group adds up a result's sums over rows.
  llvm::DenseMap<unsigned, mlir::Value> partialStarts;
  unsigned reductions = 0; // that have exchanged through shared memory so far

  /// Places of a nest's variables.
  using Places = llvm::SmallVector<unsigned>;
  /// What is done for some elements. `valid` (null: surely) says whether the
  /// thread has any; otherwise it stands at another thread's.
  using Body = llvm::function_ref<Accumulators(
      mlir::Value valid, const Accumulators &accumulators)>;

  void emitFlat();
  void emitRows();
  void emitRow(mlir::Value row);
  void startGpuNest(const Nest &started);
  void emitNest(const Nest &emitted);
  void emitReducingNest(const Places &kept, const Places &reduced);
  /// `isTerm`: whether what is here adds to sums; `valid`: whether it may be
  /// stored, if the group has a row. Null: surely.
  Accumulators emitBody(Accumulators accumulators, mlir::Value isTerm,
                        mlir::Value valid);
  void emitStore(const Root &root, mlir::Value value);
  void finishReductions(Accumulators accumulators, int64_t threads,
                        mlir::Value leader);
  mlir::Value reduceInWarp(pg::ReduceOp reduce, mlir::Value value,
                           int64_t threads);
  void reduceAcrossWarps(llvm::ArrayRef<pg::ReduceOp> reduces,
                         llvm::MutableArrayRef<mlir::Value> values);
  void clearPartials();
  void addPartials();
  mlir::Value makePartial(unsigned result);
  mlir::Type getPartialElement(unsigned result);
  int64_t countPartials(unsigned result);
  int64_t getPartialBytes(unsigned result); // of a group, in shared memory
  llvm::SmallVector<unsigned> getPartialResults() const;
  /// Waits for the threads of the group, or of all groups of the block.
  void synchronizeGroup();

  Places allPlaces() const;
  int64_t countVectors(const Places &places) const;
  void forParts(llvm::ArrayRef<unsigned> places,
                llvm::function_ref<void()> body);
  /// Binds the variables to the element, or vector, of that number.
  void bindPlaces(const Places &places, mlir::Value number);
  Accumulators distribute(const Places &places, mlir::Value first,
                          int64_t threads, Accumulators accumulators,
                          Body body);
  /// Emits at a level of its own, without a loop.
  void inLevel(llvm::function_ref<void()> body);
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value isBelow(mlir::Value a, int64_t b);
  mlir::Value makeSlot(int64_t offset) override;
};

} // namespace pgc
