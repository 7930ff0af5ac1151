#include "compiler/frontend/Warnings.h"

namespace pgc {

using Mask = llvm::SmallVector<bool, 4>;

/// Which arguments of a block the live operands of its terminator depend on.
static Mask liveArguments(mlir::Block &block, const Mask &liveResults) {
  llvm::DenseSet<mlir::Value> live;
  mlir::Operation *yield = block.getTerminator();
  for (auto [value, isLive] : llvm::zip(yield->getOperands(), liveResults))
    if (isLive)
      live.insert(value);
  for (mlir::Operation &op : llvm::reverse(block.without_terminator())) {
    if (llvm::none_of(op.getResults(),
                      [&](mlir::Value v) { return live.count(v); }))
      continue;
    live.insert(op.operand_begin(), op.operand_end());
    op.walk([&](mlir::Operation *inner) {
      live.insert(inner->operand_begin(), inner->operand_end());
    });
  }
  Mask arguments;
  for (mlir::Value argument : block.getArguments())
    arguments.push_back(live.count(argument));
  return arguments;
}

static int64_t labelOf(pg::RecurOp recur, int64_t visit) {
  if (auto labels = recur.getLabels())
    return llvm::cast<mlir::IntegerAttr>((*labels)[visit]).getInt();
  return recur.getOrder()[visit];
}

void DeadSkips::add(const std::string &phase, ModelTrace &trace) {
  trace.function->walk([&](pg::RecurOp recur) {
    int64_t visits = recur.getOrder().size(), half = visits / 2;
    int64_t merges = recur.getNumMerges();
    size_t width = recur.getInit().size();
    auto origin = trace.origins.find(recur);
    auto *call = origin == trace.origins.end()
                     ? nullptr
                     : llvm::dyn_cast_or_null<ast::Call>(origin->second.expr);
    if (merges == 0 || !call || visits > 4096)
      return;
    // Backwards over the visits: which parts of the state matter.
    Found result;
    result.phase = phase;
    result.skips = merges;
    Mask live;
    for (mlir::Value v : recur.getResults())
      live.push_back(!v.use_empty());
    std::vector<int64_t> lastLive(width, -1); // visit that reads this part
    std::vector<Mask> popped(half, Mask(width, false));
    for (int64_t visit = visits - 1; visit >= 0; --visit) {
      if (visit < half)
        for (size_t e = 0; e < width; ++e)
          live[e] = live[e] || popped[visit][e];
      live = liveArguments(recur.getLayer(recur.getOrder()[visit]), live);
      for (size_t e = 0; e < width; ++e)
        if (live[e] && lastLive[e] < 0)
          lastLive[e] = visit;
      int64_t j = visit - half;
      if (j < 0 || j >= merges)
        continue;
      mlir::Block &merge = recur.getMerge(j);
      Mask both = liveArguments(merge, live);
      int64_t from = half - 1 - j;
      bool dead = true;
      for (size_t e = 0; e < width; ++e) {
        popped[from][e] = both[width + e];
        dead = dead && !both[width + e];
      }
      if (dead) {
        result.dead.insert(result.dead.begin(), {j, labelOf(recur, visit), from,
                                                 labelOf(recur, from)});
      }
      live.assign(both.begin(), both.begin() + width);
    }
    if (result.dead.empty())
      return;
    // The part that the first dead merge changes, and who reads it last.
    mlir::Block &merge = recur.getMerge(result.dead[0].position);
    for (size_t e = 0; e < width; ++e) {
      bool changed =
          merge.getTerminator()->getOperand(e) != merge.getArgument(e);
      if (!changed || lastLive[e] < 0)
        continue;
      mlir::Block &reader = recur.getLayer(recur.getOrder()[lastLive[e]]);
      auto read = trace.firstReads.find(reader.getArgument(e));
      if (read != trace.firstReads.end())
        result.lastRead = read->second;
      result.lastLayer = labelOf(recur, lastLive[e]);
      break;
    }
    SourceRange place = call->callee->range;
    auto known =
        llvm::find_if(found, [&](auto &entry) { return entry.first == place; });
    if (known == found.end())
      known = found.insert(found.end(), {place, {}});
    known->second.push_back(std::move(result));
  });
}

/// "position 4 (layer 8)", "positions 3, 4 (layers 8, 9)".
template <typename T, typename F, typename G>
static std::string list(const T &items, const char *one, const char *group,
                        F number, G member) {
  std::string a, b;
  for (const auto &item : items) {
    a += (a.empty() ? "" : ", ") + std::to_string(number(item));
    b += (b.empty() ? "" : ", ") + std::to_string(member(item));
  }
  std::string plural = items.size() == 1 ? " " : "s ";
  return one + plural + a + " (" + group + plural + b + ")";
}

void DeadSkips::warn(Session &session) const {
  for (auto &[place, phases] : found) {
    const Found &main = phases.back();
    size_t n = main.dead.size();
    Diagnostic &warning = session.diagnostics.warning(
        place, "dead-skip",
        "in phase '" + main.phase + "' " + std::to_string(n) + " of " +
            std::to_string(main.skips) +
            (n == 1 ? " skips is dead: no output depends on what it merges"
                    : " skips are dead: no output depends on what they merge"));
    auto positions = [](const Found &f) {
      return list(
          f.dead, "position", "layer", [](auto &p) { return p.position; },
          [](auto &p) { return p.layer; });
    };
    std::string detail =
        positions(main) +
        (n == 1 ? " takes the result of " : " take the results of ") +
        list(
            main.dead, "visit", "layer", [](auto &p) { return p.visit; },
            [](auto &p) { return p.visitLayer; });
    for (size_t i = 0; i + 1 < phases.size(); ++i)
      detail += "; in phase '" + phases[i].phase + "': " + positions(phases[i]);
    warning.detail(detail);
    if (main.lastRead.isValid())
      warning.note(main.lastRead,
                   std::string(session.sources.text(main.lastRead)) +
                       " is last read here, at layer " +
                       std::to_string(main.lastLayer));
  }
}

} // namespace pgc
