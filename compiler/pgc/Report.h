// pgc --report: what the plan needs and does, as JSON.
#pragma once

#include "compiler/frontend/Frontend.h"
#include "compiler/gpu/GpuCodegen.h"
#include "compiler/target/Lower.h"
#include "runtime/plan/plan.pb.h"

namespace pgc {

/// What one thread of the target is assumed to reach: a yardstick for predicted
/// times, not a measurement.
struct AssumedRates {
  double flops = 0; // a second, in matrix products
  double bytes = 0; // a second, from memory

  explicit AssumedRates(const Target &target, llvm::StringRef numerics);
};

/// The code of a plan for one target: what its functions use, `frames` on a
/// CPU, `resources` on a GPU.
struct TargetCode {
  Target target;
  std::vector<FunctionFrame> frames;
  std::vector<GpuResources> resources;
};

/// The report on a finished plan: the first device's memory, programs and
/// kernels beside what all share, as in the plan itself, and those of the
/// others in "devices". `code`: of each device's code sections, in that order.
/// `warnings` is the text that went to stderr.
std::string makeReport(const pgrt::plan::Plan &plan, const Program &program,
                       llvm::ArrayRef<llvm::ArrayRef<TargetCode>> code,
                       llvm::StringRef warnings);

} // namespace pgc
