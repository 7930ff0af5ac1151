// Which programs the evaluations of a model take.
#pragma once

#include "compiler/frontend/Frontend.h"
#include "runtime/plan/plan.pb.h"
#include "llvm/ADT/StringMap.h"

namespace pgc {

/// Names of the programs of one item of `evaluate`; empty: it has none. An item
/// of kind "documents" has no program yet.
struct EvaluationPrograms {
  std::string score, tail, adapt, adaptUpdate;
};

/// The functions to emit, without repetition, and who uses them.
struct EvaluationRequests {
  std::vector<EmitRequest> requests;
  std::vector<EvaluationPrograms> programs; // one for each evaluation
};

/// For each length of a window programs `score` and `logits`; for each stride
/// `tail`, which is `score` itself where windows do not overlap; for each item
/// of test-time training `adapt`, of one sequence, and `adapt_update`. A model
/// that evaluates nothing is scored at its training length. `wanted`, `tokens`:
/// what a run takes, as for `scoreBatch`.
EvaluationRequests requestEvaluations(const Program &program, int64_t wanted,
                                      int64_t tokens);

/// Adds the items of `evaluate` to a plan. `indices`: of its programs, by name.
void addEvaluations(const Program &program,
                    llvm::ArrayRef<EvaluationPrograms> names,
                    const llvm::StringMap<uint32_t> &indices,
                    pgrt::plan::Plan &plan);

} // namespace pgc
