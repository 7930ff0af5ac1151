// The order of the passes.
#pragma once

#include "mlir/Pass/PassManager.h"
#include <string>

namespace pgc {

struct PipelineOptions {
  /// "autocast", "bf16", "f32" or "f64": see fusion/Numerics.md.
  std::string numerics = "f32";
  /// Rows of a block of logits; 0: so many that a block takes about 8 MiB.
  int64_t headRows = 0;
  /// Weights are put into panels, as a CPU's products read them.
  bool packWeights = true;
  /// Products of one tensor with several weights are one, and so are those that
  /// several visits of a block add to the gradient of one weight.
  bool mergeProducts = false;
  /// Matrices of one shape go through Newton-Schulz together.
  bool stackMatrices = false;
  /// What products read as bf16 is kept for the backward pass.
  bool keepFactors = false;
  /// Kept values that computing one again may read.
  unsigned maxSources = 3;
};

/// From what the front end emits to functions in which the recurrence is laid
/// out.
void buildExpandPipeline(mlir::OpPassManager &pm,
                         const PipelineOptions &options = {});

/// From there to functions of kernel calls: gradients, primitive operations,
/// numerics, fusion.
void buildKernelPipeline(mlir::OpPassManager &pm,
                         const PipelineOptions &options);

/// From there to programs over buffers. Kernels must have been planned before.
void buildSchedulePipeline(mlir::OpPassManager &pm);

} // namespace pgc
