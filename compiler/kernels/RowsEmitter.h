// Emits the code of a rows kernel from its plan, for a CPU.
#pragma once

#include "compiler/kernels/RowsValues.h"

namespace pgc {

class RowsEmitter final : RowsValues {
public:
  RowsEmitter(RowsPlan &plan, const Target &target, mlir::ModuleOp out);
  void emit();

private:
  llvm::DenseMap<unsigned, const Nest *> firstReaders; // of each buffer
  llvm::DenseMap<unsigned, mlir::Value>
      partials; // where this chunk's sums over rows go, by result

  // The nest that is being emitted.
  llvm::SmallVector<unsigned>
      order; // places of its variables: kept ones, then those summed over
  unsigned keptCount = 0;
  unsigned unroll = 1;

  void emitRow(mlir::Value row);
  void emitNest(const Nest &emitted);
  Accumulators emitLoops(unsigned depth, Accumulators accumulators);
  Accumulators emitVariable(unsigned depth, Accumulators accumulators);
  Accumulators emitVectorLoop(unsigned depth, unsigned variable,
                              Accumulators accumulators);
  Accumulators emitBody(const Accumulators &accumulators, unsigned steps);
  void finishReductions(llvm::ArrayRef<mlir::Value> accumulators);
  void emitStore(const Root &root, mlir::Value value,
                 llvm::ArrayRef<Index> coordinates);
  unsigned chooseUnroll() const;
  mlir::Value makeSlot(int64_t offset) override;
  void prefetch(unsigned buffer, mlir::Type element,
                const Index &flat) override;
};

} // namespace pgc
