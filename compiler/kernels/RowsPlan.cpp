// Makes a plan: attempts at the analysis until no decision is left to take.
#include "compiler/kernels/RowsPlan.h"
#include "compiler/kernels/RowsAnalysis.h"

using namespace mlir;

namespace pgc {

Index Nest::getFlat(const Space &space) const {
  Index flat;
  for (unsigned v : variables)
    flat = flat * space[v].size + Index::variable(v);
  return flat;
}

static void forEachPartFrom(const Nest &nest, Space &space, unsigned place,
                            llvm::function_ref<void()> visit) {
  if (place == nest.variables.size())
    return visit();
  Variable saved = space[nest.variables[place]];
  int64_t start = 0;
  SmallVector<int64_t> ends(nest.splits[place].begin(),
                            nest.splits[place].end());
  ends.push_back(saved.size);
  for (int64_t end : ends) {
    space[nest.variables[place]].low = start;
    space[nest.variables[place]].high = start = end;
    forEachPartFrom(nest, space, place + 1, visit);
  }
  space[nest.variables[place]] = saved;
}

void Nest::forEachPart(Space &space, llvm::function_ref<void()> visit) const {
  forEachPartFrom(*this, space, 0, visit);
}

std::optional<RowsPlan> RowsPlan::make(pg::sched::KernelOp kernel) {
  RowsDecisions decisions;
  // Each attempt but the last cuts, splits or keeps something more; no kernel
  // needs nearly as many.
  for (int attempt = 0; attempt < 200; ++attempt) {
    RowsPlan plan;
    plan.kernel = kernel;
    switch (RowsAnalysis(plan, decisions).run()) {
    case RowsAnalysis::Outcome::Done:
      return plan;
    case RowsAnalysis::Outcome::Failed:
      return std::nullopt;
    case RowsAnalysis::Outcome::Again:
      break;
    }
  }
  kernel.emitError("is too entangled to be computed row by row");
  return std::nullopt;
}

} // namespace pgc
