// pgc --report: what the plan needs and does, as JSON.
#pragma once

#include "compiler/frontend/Frontend.h"
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

/// The code of a plan for one target: `frames` says what its functions use.
struct TargetCode {
  Target target;
  std::vector<FunctionFrame> frames;
};

/// The report on a finished plan. `code`: of each of its code sections.
/// `warnings` is the text that went to stderr.
std::string makeReport(const pgrt::plan::Plan &plan, const Program &program,
                       llvm::ArrayRef<TargetCode> code,
                       llvm::StringRef warnings);

} // namespace pgc
