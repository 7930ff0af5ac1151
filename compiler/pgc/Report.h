// pgc --report: what the plan needs and does, as JSON.
#pragma once

#include "compiler/frontend/Frontend.h"
#include "runtime/plan/plan.pb.h"

namespace pgc {

/// The report on a finished plan. `warnings` is the text that went to stderr.
std::string makeReport(const pgrt::plan::Plan &plan, const Program &program, llvm::StringRef warnings);

} // namespace pgc
