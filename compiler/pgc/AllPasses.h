// All passes, from what the front end emits to a schedule.
#pragma once

#include "mlir/Pass/PassManager.h"
#include <string>

namespace pgc {

/// `numerics` is "bf16", "f32" or "f64".
void addAllPasses(mlir::OpPassManager &passes, const std::string &numerics);

} // namespace pgc
