// Whether a batch may be computed in smaller ones.
#pragma once

#include "dialects/pg/Pg.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <optional>
#include <vector>

namespace pgc {

/// How the loss of a batch is made of losses of micro-batches.
struct BatchSplit {
  /// Sequences that a micro-batch has at least.
  int64_t sequences = 1;
  /// For each term of the loss whether it reads the first `sequences` sequences
  /// of the batch alone. All others are means over sequences of what each gives
  /// alone: their mean over equal micro-batches is their value of the batch.
  std::vector<bool> ofFirst;
  /// One thing is read of the batch as a whole: a maximum over all of it that
  /// is under stop_gradient. A program `measure` gathers it beforehand.
  bool gathers = false;
  bool operator==(const BatchSplit &) const = default;
};

/// Of a forward function of role `forward`, whose results are the loss and its
/// terms. Nothing wherever a term is not evidently of either kind.
std::optional<BatchSplit> splitBatch(mlir::func::FuncOp forward);

/// What a program `measure` gathers: the operation whose result is a constant
/// to all that reads it, although it depends on the whole batch. Null if there
/// is none.
pg::StopGradientOp findGathered(mlir::func::FuncOp forward);

/// Appends @measure.<phase>, which gathers over the micro-batches of a part
/// what the loss reads of all of it, in a state that it declares. `forward` is
/// that of a micro-batch, as the front end made it.
mlir::func::FuncOp buildMeasure(mlir::func::FuncOp forward,
                                llvm::StringRef phase);

/// Makes of a forward function what runs on each of the `micros` micro-batches
/// of a part: the mean of its results over them is that of the whole part. What
/// is gathered is read from the state of @measure.<phase>.
void joinMicroBatches(mlir::func::FuncOp forward, const BatchSplit &split,
                      llvm::StringRef phase, int64_t micros);

} // namespace pgc
