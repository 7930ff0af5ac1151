#include "compiler/frontend/AstWalk.h"
#include "compiler/frontend/Warnings.h"

namespace pgc {

namespace {

/// Of which tokens a value depends at position t of its time axis.
struct Sight {
  /// None: of no token. Along: of those up to t + ahead. Unknown: perhaps of
  /// all, which is warned of.
  enum class Kind { None, Along, Unknown } kind = Kind::None;
  int64_t axis = 0;
  int64_t ahead = 0;
  mlir::Operation *culprit = nullptr; // made `ahead` positive, or it unknown
};

constexpr int64_t everything = int64_t(1) << 40;

class Analysis {
public:
  /// The sight of the first result of a score function's logits.
  Sight run(mlir::func::FuncOp score, mlir::Value logits);
  /// Through which values the culprit reaches the logits, from there on.
  std::vector<mlir::Operation *> path(mlir::Operation *culprit,
                                      mlir::Value logits);

private:
  void visit(mlir::Block &block);
  void visit(mlir::Operation &op);
  void visitRecur(pg::RecurOp recur);
  Sight product(pg::MatmulOp op) const;
  Sight joinElementwise(mlir::Operation &op) const;
  Sight first(mlir::Operation &op) const { return of(op.getOperand(0)); }
  Sight of(mlir::Value v) const { return sights.lookup(v); }
  static Sight join(Sight a, const Sight &b);
  static Sight move(Sight s, int64_t by, mlir::Operation &op);
  Sight along(mlir::Operation &op, llvm::ArrayRef<int64_t> axes) const;
  llvm::DenseMap<mlir::Value, Sight> sights;
};

} // namespace

static llvm::ArrayRef<int64_t> shapeOf(mlir::Value v) {
  return llvm::cast<mlir::RankedTensorType>(v.getType()).getShape();
}

Sight Analysis::join(Sight a, const Sight &b) {
  if (a.kind == Sight::Kind::None)
    return b;
  if (b.kind == Sight::Kind::None)
    return a;
  if (a.kind == Sight::Kind::Unknown)
    return a;
  if (b.kind == Sight::Kind::Unknown)
    return b;
  if (a.axis != b.axis) {
    a.kind = Sight::Kind::Unknown;
    a.culprit = nullptr;
    return a;
  }
  return b.ahead > a.ahead ? b : a;
}

Sight Analysis::move(Sight s, int64_t by, mlir::Operation &op) {
  if (s.kind != Sight::Kind::Along)
    return s;
  bool was = s.ahead > 0;
  s.ahead += by;
  if (s.ahead > 0 && !was)
    s.culprit = &op;
  return s;
}

/// Operands broadcast: time axes are lined up at the last axes.
Sight Analysis::joinElementwise(mlir::Operation &op) const {
  int64_t rank = shapeOf(op.getResult(0)).size();
  Sight result;
  for (mlir::Value v : op.getOperands()) {
    Sight s = of(v);
    s.axis += rank - int64_t(shapeOf(v).size());
    result = join(result, s);
  }
  return result;
}

/// Sums, maxima and the like over axes: over time they see everything.
Sight Analysis::along(mlir::Operation &op, llvm::ArrayRef<int64_t> axes) const {
  Sight s = first(op);
  if (s.kind == Sight::Kind::Along && llvm::is_contained(axes, s.axis) &&
      shapeOf(op.getOperand(0))[s.axis] > 1)
    return move(s, everything, op);
  return s;
}

/// A product keeps rows and columns apart; what it sums over, it mixes.
Sight Analysis::product(pg::MatmulOp op) const {
  int64_t rank = shapeOf(op.getResult()).size();
  auto place = [&](mlir::Value operand, bool transposed, int64_t kept) {
    Sight s = of(operand);
    int64_t own = shapeOf(operand).size();
    // Of the last two axes, once swapped, `kept` from the end is the result's.
    int64_t at = own - s.axis;
    if (transposed && at <= 2)
      at = 3 - at;
    if (s.kind == Sight::Kind::Along && at <= 2 && at != kept)
      s.kind = Sight::Kind::Unknown;
    s.axis = rank - at;
    return s;
  };
  return join(place(op.getA(), op.getTransposeA(), 2),
              place(op.getB(), op.getTransposeB(), 1));
}

void Analysis::visitRecur(pg::RecurOp recur) {
  llvm::SmallVector<Sight> state;
  for (mlir::Value v : recur.getInit())
    state.push_back(of(v));
  size_t width = state.size();
  // What one visit sees, another may pass on: three rounds reach every part.
  for (int round = 0; round < 3; ++round)
    for (mlir::Region &region : recur.getBodies()) {
      for (auto [i, argument] : llvm::enumerate(region.getArguments()))
        sights[argument] = state[i % width];
      visit(region.front());
      mlir::Operation *yield = region.front().getTerminator();
      for (size_t i = 0; i < width; ++i) {
        Sight s = of(yield->getOperand(i));
        state[i] = join(state[i], s);
      }
    }
  for (auto [i, v] : llvm::enumerate(recur.getResults()))
    sights[v] = state[i];
}

void Analysis::visit(mlir::Operation &op) {
  using namespace pg;
  using Kind = Sight::Kind;
  if (auto recur = llvm::dyn_cast<RecurOp>(op))
    return visitRecur(recur);
  if (op.getNumResults() == 0 || op.getNumOperands() == 0 ||
      !llvm::isa<mlir::RankedTensorType>(op.getResult(0).getType()))
    return;
  Sight s;
  auto unknown = [&] {
    Sight r = joinElementwise(op);
    if (r.kind == Kind::Along)
      r.kind = Kind::Unknown;
    return r;
  };
  if (auto o = llvm::dyn_cast<ShiftOp>(op)) {
    s = first(op);
    if (s.kind == Kind::Along && s.axis == o.getAxis())
      s = move(s, -o.getAmount(), op);
  } else if (auto o = llvm::dyn_cast<ReduceOp>(op))
    s = along(op, o.getAxes());
  else if (auto o = llvm::dyn_cast<MeanOp>(op))
    s = along(op, o.getAxes());
  else if (auto o = llvm::dyn_cast<NormOp>(op))
    s = along(op, o.getAxes());
  else if (auto o = llvm::dyn_cast<StdOp>(op))
    s = along(op, o.getAxes());
  else if (auto o = llvm::dyn_cast<LogSumExpOp>(op))
    s = along(op, {static_cast<int64_t>(o.getAxis())});
  else if (auto o = llvm::dyn_cast<QuantileOp>(op))
    s = along(op, {static_cast<int64_t>(o.getAxis())});
  else if (auto o = llvm::dyn_cast<CumsumOp>(op))
    s = o.getReverse() ? along(op, {static_cast<int64_t>(o.getAxis())})
                       : first(op);
  else if (auto o = llvm::dyn_cast<SliceOp>(op)) {
    s = first(op);
    if (s.kind == Kind::Along)
      s = move(s, o.getOffsets()[s.axis], op);
  } else if (auto o = llvm::dyn_cast<PadOp>(op)) {
    s = first(op);
    if (s.kind == Kind::Along)
      s = move(s, -o.getLow()[s.axis], op);
  } else if (auto o = llvm::dyn_cast<TransposeOp>(op)) {
    s = first(op);
    if (s.kind == Kind::Along)
      s.axis =
          llvm::find(o.getPermutation(), s.axis) - o.getPermutation().begin();
  } else if (auto o = llvm::dyn_cast<ReshapeOp>(op)) {
    s = first(op);
    if (s.kind == Kind::Along) {
      auto from = shapeOf(op.getOperand(0)), to = shapeOf(op.getResult(0));
      int64_t before = 1, seen = 1;
      for (int64_t i = 0; i < s.axis; ++i)
        before *= from[i];
      size_t axis = 0;
      while (axis < to.size() && seen < before)
        seen *= to[axis++];
      // Axes of size 1 may stand before it.
      while (axis < to.size() && to[axis] == 1 && from[s.axis] != 1)
        ++axis;
      if (seen == before && axis < to.size() && to[axis] == from[s.axis])
        s.axis = axis;
      else
        s.kind = Kind::Unknown;
    }
  } else if (llvm::isa<EmbedOp>(op)) {
    s = of(op.getOperand(1));
    if (of(op.getOperand(0)).kind != Kind::None)
      s.kind = Kind::Unknown;
  } else if (llvm::isa<LinearOp>(op)) {
    s = first(op);
    bool features = s.axis + 1 == int64_t(shapeOf(op.getOperand(0)).size());
    if (s.kind == Kind::Along && features)
      s = move(s, everything, op);
    if (of(op.getOperand(1)).kind != Kind::None)
      s = unknown();
  } else if (auto o = llvm::dyn_cast<MatmulOp>(op)) {
    s = product(o);
  } else if (llvm::isa<RmsNormOp, NormalizeOp>(op)) {
    s = along(op, {static_cast<int64_t>(shapeOf(op.getOperand(0)).size()) - 1});
  } else if (llvm::isa<RopeOp>(op)) {
    s = first(op);
  } else if (llvm::isa<AttentionOp, XsaOp>(op)) {
    for (mlir::Value v : op.getOperands()) {
      Sight operand = of(v);
      if (operand.kind == Kind::Along && operand.axis != 1)
        operand.kind = Kind::Unknown;
      s = join(s, operand);
    }
  } else if (op.getNumResults() == 1 &&
             llvm::all_of(op.getOperands(), [](mlir::Value v) {
               return llvm::isa<mlir::RankedTensorType>(v.getType());
             })) {
    s = llvm::isa<PickOp, TokenNllOp, CrossEntropyOp, NewtonSchulzOp>(op)
            ? unknown()
            : joinElementwise(op);
  }
  if (s.kind == Kind::Unknown && !s.culprit)
    s.culprit = &op;
  for (mlir::Value v : op.getResults())
    sights[v] = s;
}

void Analysis::visit(mlir::Block &block) {
  for (mlir::Operation &op : block)
    visit(op);
}

Sight Analysis::run(mlir::func::FuncOp score, mlir::Value logits) {
  mlir::Block &block = score.getBody().front();
  sights[block.getArgument(0)] = {Sight::Kind::Along, 1, 0, nullptr};
  // The target at t is the token at t + 1: what reads it looks ahead. The
  // score itself does, but the logits do not depend on it.
  mlir::Value targets = block.getArgument(1);
  for (mlir::Operation *user : targets.getUsers())
    if (!llvm::isa<pg::TokenNllOp>(user) || user->getOperand(0) == targets ||
        !sights.count(targets))
      sights[targets] = {Sight::Kind::Along, 1, 1, user};
  visit(block);
  return of(logits);
}

std::vector<mlir::Operation *> Analysis::path(mlir::Operation *culprit,
                                              mlir::Value logits) {
  // Forwards, breadth first; through regions by their operation.
  llvm::DenseMap<mlir::Operation *, mlir::Operation *> from;
  std::deque<mlir::Operation *> work{culprit};
  from[culprit] = nullptr;
  mlir::Operation *end = logits.getDefiningOp();
  while (!work.empty()) {
    mlir::Operation *op = work.front();
    work.pop_front();
    if (op == end)
      break;
    auto go = [&](mlir::Operation *next) {
      if (from.try_emplace(next, op).second)
        work.push_back(next);
    };
    for (mlir::Operation *user : op->getUsers())
      go(user);
    // Into the regions of a recurrence, and out of them.
    if (llvm::isa<pg::YieldOp>(op))
      go(op->getParentOp());
    else if (auto recur = op->getParentOfType<pg::RecurOp>())
      if (op->getBlock()->getParentOp() == recur)
        for (mlir::Operation *user : op->getUsers())
          if (user->getBlock() != op->getBlock())
            go(recur);
  }
  std::vector<mlir::Operation *> ops;
  for (mlir::Operation *op = end; op && from.count(op); op = from[op])
    ops.insert(ops.begin(), op);
  return ops;
}

void checkCausality(Session &session, ModelTrace &score) {
  mlir::Block &block = score.function.getBody().front();
  auto nll =
      block.getTerminator()->getOperand(0).getDefiningOp<pg::TokenNllOp>();
  if (!nll)
    return;
  Analysis analysis;
  mlir::Value logits = nll.getZ();
  Sight sight = analysis.run(score.function, logits);
  bool unknown = sight.kind == Sight::Kind::Unknown;
  if (sight.kind == Sight::Kind::None || !sight.culprit ||
      (!unknown && sight.ahead <= 0))
    return;
  auto origin = score.origins.find(sight.culprit);
  SourceRange place;
  std::string word = sight.culprit->getName().stripDialect().str();
  if (origin != score.origins.end() && origin->second.expr) {
    place = origin->second.expr->range;
    if (auto *call = llvm::dyn_cast<ast::Call>(origin->second.expr))
      word = call->calleeName();
  }
  if (llvm::isa<pg::MatmulOp>(sight.culprit))
    word = "@";
  if (unknown) {
    session.diagnostics
        .warning(place, "causality",
                 "'" + word +
                     "' mixes positions: whether logits look ahead cannot be "
                     "seen when compiling")
        .note("'pgrt verify' finds out, by changing tokens and looking at the "
              "scores before them");
    return;
  }
  std::string by = sight.ahead >= everything / 2
                       ? "all positions"
                       : "position t + " + std::to_string(sight.ahead);
  Diagnostic &error =
      session.diagnostics.error(place, "logits at position t depend on " + by);
  std::vector<std::string> steps{word};
  auto add = [&](const std::string &step) {
    if (!step.empty() && steps.back() != step)
      steps.push_back(step);
  };
  for (mlir::Operation *op : analysis.path(sight.culprit, logits)) {
    if (llvm::isa<pg::RecurOp>(op)) {
      add("recur");
      continue;
    }
    auto at = score.origins.find(op);
    if (at != score.origins.end() && at->second.fn &&
        !op->getParentOfType<pg::RecurOp>())
      add(at->second.fn->name.text);
  }
  add("logits");
  std::string path;
  for (const std::string &step : steps)
    path += (path.empty() ? "" : " → ") + step;
  error.note("the path is  " + path);
  error.note("an evaluation must predict each token from those before it; in a "
             "loss, looking ahead is fine");
}

} // namespace pgc
