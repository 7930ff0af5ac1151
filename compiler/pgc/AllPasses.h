// All passes, from what the front end emits to a schedule.
#pragma once

#include "compiler/passes/Pipeline.h"

namespace pgc {

/// `gpu`: kernels are planned for a GPU.
void addAllPasses(mlir::OpPassManager &passes, const PipelineOptions &options,
                  bool gpu);

} // namespace pgc
