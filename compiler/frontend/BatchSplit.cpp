#include "compiler/frontend/BatchSplit.h"
#include "dialects/pg/Pg.h"

namespace pgc {

using mlir::Value;

namespace {

/// How a value depends on the sequences of a batch.
enum class Dependence {
  None,  // not at all
  Row,   // its first axis is the batch, each row from its sequence alone
  Flat,  // as Row, with a sequence's rows one after the other in the first axis
  First, // on the first sequences alone
  Whole, // a maximum over the whole batch, of one element
  Mean,  // a mean over sequences, or affine in such means
  Mixed, // otherwise
};

class Analysis {
public:
  std::optional<BatchSplit> run(mlir::func::FuncOp forward);
  pg::StopGradientOp gathered; // see findGathered

private:
  Dependence of(Value v) const {
    auto it = state.find(v);
    return it == state.end() ? Dependence::None : it->second;
  }
  void visit(mlir::Block &block);
  void visit(mlir::Operation &op);
  void visitRecur(pg::RecurOp recur);
  Dependence join(mlir::Operation &op) const;
  Dependence elementwise(mlir::Operation &op) const;
  Dependence reduction(mlir::Operation &op, llvm::ArrayRef<int64_t> axes,
                       bool mean) const;
  Dependence keepsBatch(mlir::Operation &op, bool keeps) const;
  Dependence reshape(pg::ReshapeOp op) const;
  Dependence slice(pg::SliceOp op);
  std::optional<Dependence> special(mlir::Operation &op) const;
  int64_t batch = 0;
  int64_t first = 1; // sequences that values of `First` depend on
  llvm::DenseMap<Value, Dependence> state;
};

} // namespace

static llvm::ArrayRef<int64_t> shapeOf(Value v) {
  return llvm::cast<mlir::RankedTensorType>(v.getType()).getShape();
}

/// Operations without a rule of their own: any dependence is too much.
Dependence Analysis::join(mlir::Operation &op) const {
  for (Value v : op.getOperands())
    if (of(v) != Dependence::None)
      return Dependence::Mixed;
  return Dependence::None;
}

Dependence Analysis::elementwise(mlir::Operation &op) const {
  size_t rank = shapeOf(op.getResult(0)).size();
  bool rows = false, means = false, wide = false;
  for (Value v : op.getOperands()) {
    Dependence d = of(v);
    if (d == Dependence::Mixed)
      return d;
    means |= d == Dependence::Mean;
    if (d == Dependence::None && shapeOf(v).size() == rank && rank > 0)
      wide |= shapeOf(v)[0] != 1;
    if (d == Dependence::Row) {
      rows = true;
      if (shapeOf(v).size() != rank)
        return Dependence::Mixed;
    }
  }
  if (rows && (means || wide))
    return Dependence::Mixed;
  if (rows)
    return Dependence::Row;
  if (!means)
    return Dependence::None;
  // Affine in the means: sums, and products with what depends on nothing.
  if (llvm::isa<pg::AddOp, pg::SubOp, pg::NegOp>(op))
    return Dependence::Mean;
  if (llvm::isa<pg::MulOp, pg::DivOp>(op)) {
    bool right = of(op.getOperand(1)) == Dependence::Mean;
    bool both = right && of(op.getOperand(0)) == Dependence::Mean;
    if (!both && !(right && llvm::isa<pg::DivOp>(op)))
      return Dependence::Mean;
  }
  return Dependence::Mixed;
}

Dependence Analysis::reduction(mlir::Operation &op,
                               llvm::ArrayRef<int64_t> axes, bool mean) const {
  Dependence d = of(op.getOperand(0));
  if (d != Dependence::Row || !llvm::is_contained(axes, 0))
    return d == Dependence::Mean ? Dependence::Mixed : d;
  if (auto reduce = llvm::dyn_cast<pg::ReduceOp>(op);
      reduce && reduce.getKind() == pg::ReduceKind::max &&
      reduce.getType().getNumElements() == 1)
    return Dependence::Whole;
  return mean ? Dependence::Mean : Dependence::Mixed;
}

Dependence Analysis::keepsBatch(mlir::Operation &op, bool keeps) const {
  Dependence d = of(op.getOperand(0));
  for (Value v : op.getOperands().drop_front())
    if (of(v) != Dependence::None && of(v) != d)
      return Dependence::Mixed;
  if (d == Dependence::Mean) // a scalar, in another shape
    return shapeOf(op.getResult(0)).empty() ? d : Dependence::Mixed;
  return d == Dependence::Row && !keeps ? Dependence::Mixed : d;
}

/// Where an operand is one of the kinds that hardly any operation keeps. All
/// that is made of the first sequences depends on them.
std::optional<Dependence> Analysis::special(mlir::Operation &op) const {
  bool ofFirst = false, others = false;
  for (Value v : op.getOperands()) {
    Dependence d = of(v);
    bool moves = llvm::isa<pg::ReshapeOp>(op) ||
                 (d == Dependence::Flat && llvm::isa<pg::SliceOp>(op));
    if ((d == Dependence::Whole || d == Dependence::Flat) && !moves)
      return Dependence::Mixed;
    ofFirst |= d == Dependence::First;
    others |= d != Dependence::First && d != Dependence::None;
  }
  if (!ofFirst)
    return std::nullopt;
  return others ? Dependence::Mixed : Dependence::First;
}

Dependence Analysis::reshape(pg::ReshapeOp op) const {
  llvm::ArrayRef<int64_t> to = op.getType().getShape();
  Dependence d = of(op.getX());
  bool rows = d == Dependence::Row || d == Dependence::Flat;
  if (!rows)
    return d == Dependence::Whole ? d : keepsBatch(*op, true);
  if (to.empty() || to[0] % batch != 0)
    return Dependence::Mixed;
  return to[0] == batch ? Dependence::Row : Dependence::Flat;
}

Dependence Analysis::slice(pg::SliceOp op) {
  Dependence d = of(op.getX());
  bool rows = d == Dependence::Row || d == Dependence::Flat;
  int64_t size = op.getSizes().empty() ? 0 : op.getSizes()[0];
  if (!rows || size == shapeOf(op.getX())[0])
    return rows ? d : keepsBatch(*op, true);
  if (op.getOffsets()[0] != 0)
    return Dependence::Mixed;
  int64_t rowsOfSequence = shapeOf(op.getX())[0] / batch;
  first = std::max(first, llvm::divideCeilSigned(size, rowsOfSequence));
  return Dependence::First;
}

void Analysis::visitRecur(pg::RecurOp recur) {
  Dependence d = Dependence::None;
  for (Value v : recur.getInit())
    if (of(v) != Dependence::None)
      d = of(v) == Dependence::Row ? Dependence::Row : Dependence::Mixed;
  for (mlir::Region &region : recur.getBodies()) {
    for (Value argument : region.getArguments())
      state[argument] = d;
    visit(region.front());
    for (Value v : region.front().getTerminator()->getOperands())
      if (of(v) != d)
        d = Dependence::Mixed; // or a second round would be needed
  }
  for (Value v : recur.getResults())
    state[v] = d;
}

void Analysis::visit(mlir::Operation &op) {
  if (auto recur = llvm::dyn_cast<pg::RecurOp>(op))
    return visitRecur(recur);
  if (op.getNumResults() == 0)
    return;
  // What has no gradient and is gathered beforehand is a number like others.
  // One is: a second might depend on the first.
  if (auto stop = llvm::dyn_cast<pg::StopGradientOp>(op);
      stop && of(stop.getX()) == Dependence::Whole && !gathered &&
      llvm::isa<mlir::func::FuncOp>(op.getParentOp())) {
    gathered = stop;
    return;
  }
  if (!llvm::isa<mlir::RankedTensorType>(op.getResult(0).getType()))
    return; // step values
  using namespace pg;
  Dependence d;
  std::optional<Dependence> found = special(op);
  auto axisIsInner = [](int64_t axis) { return axis != 0; };
  if (found)
    d = *found;
  else if (auto o = llvm::dyn_cast<ReduceOp>(op))
    d = reduction(op, o.getAxes(), false);
  else if (auto o = llvm::dyn_cast<MeanOp>(op))
    d = reduction(op, o.getAxes(), true);
  else if (auto o = llvm::dyn_cast<NormOp>(op))
    d = reduction(op, o.getAxes(), false);
  else if (auto o = llvm::dyn_cast<StdOp>(op))
    d = reduction(op, o.getAxes(), false);
  else if (auto o = llvm::dyn_cast<LogSumExpOp>(op))
    d = keepsBatch(op, axisIsInner(o.getAxis()));
  else if (auto o = llvm::dyn_cast<QuantileOp>(op))
    d = keepsBatch(op, axisIsInner(o.getAxis()));
  else if (auto o = llvm::dyn_cast<CumsumOp>(op))
    d = keepsBatch(op, axisIsInner(o.getAxis()));
  else if (auto o = llvm::dyn_cast<ShiftOp>(op))
    d = keepsBatch(op, axisIsInner(o.getAxis()));
  else if (auto o = llvm::dyn_cast<ReshapeOp>(op))
    d = reshape(o);
  else if (auto o = llvm::dyn_cast<TransposeOp>(op))
    d = keepsBatch(op, o.getPermutation()[0] == 0);
  else if (auto o = llvm::dyn_cast<SliceOp>(op))
    d = slice(o);
  else if (auto o = llvm::dyn_cast<BroadcastOp>(op))
    d = keepsBatch(op, shapeOf(o.getX()).size() ==
                           o.getResult().getType().getShape().size());
  else if (llvm::isa<CrossEntropyOp>(op)) {
    d = keepsBatch(op, true);
    if (d == Dependence::Row)
      d = Dependence::Mean;
  } else if (llvm::isa<EmbedOp>(op)) {
    d = of(op.getOperand(0)) == Dependence::None ? of(op.getOperand(1))
                                                 : Dependence::Mixed;
  } else if (llvm::isa<LinearOp, RmsNormOp, NormalizeOp, RopeOp, AttentionOp,
                       XsaOp, TokenNllOp, PickOp>(op)) {
    bool weights =
        llvm::isa<LinearOp>(op) && of(op.getOperand(1)) != Dependence::None;
    d = weights ? Dependence::Mixed
                : keepsBatch(op, shapeOf(op.getOperand(0)).size() >= 2);
  } else if (llvm::isa<MatmulOp>(op)) {
    size_t rank = shapeOf(op.getResult(0)).size();
    bool leading = rank >= 3;
    for (Value v : op.getOperands())
      if (of(v) == Dependence::Row)
        leading = leading && shapeOf(v).size() == rank;
    d = leading ? elementwise(op) : join(op);
  } else if (llvm::isa<AddOp, SubOp, MulOp, DivOp, PowOp, MaxOp, MinOp,
                       FloorDivOp, ModOp, XorOp, AndOp, OrOp, NegOp, AbsOp,
                       SqrtOp, RsqrtOp, ExpOp, LogOp, TanhOp, SigmoidOp, CosOp,
                       SinOp, FloorOp, RoundOp, RoundF16Op, StopGradientOp,
                       F32Op, CompareOp, SelectOp, ConvertOp, LeakyReluOp,
                       ClampOp, LerpOp, SkipGateOp, TanhCapOp>(op)) {
    d = elementwise(op);
  } else {
    d = join(op);
  }
  for (Value v : op.getResults())
    state[v] = d;
}

void Analysis::visit(mlir::Block &block) {
  for (mlir::Operation &op : block)
    visit(op);
}

std::optional<BatchSplit> Analysis::run(mlir::func::FuncOp forward) {
  mlir::Block &block = forward.getBody().front();
  batch = shapeOf(block.getArgument(0))[0];
  for (Value argument : block.getArguments())
    state[argument] = Dependence::Row;
  visit(block);
  BatchSplit split;
  for (auto [i, v] : llvm::enumerate(block.getTerminator()->getOperands())) {
    auto name = forward.getResultAttrOfType<mlir::StringAttr>(i, "pg.name");
    if (!name.getValue().starts_with("term."))
      continue;
    Dependence d = of(v);
    if (d != Dependence::Mean && d != Dependence::None &&
        d != Dependence::First)
      return std::nullopt;
    split.ofFirst.push_back(d == Dependence::First);
  }
  split.sequences = first;
  split.gathers = bool(gathered);
  return split;
}

std::optional<BatchSplit> splitBatch(mlir::func::FuncOp forward) {
  return Analysis().run(forward);
}

pg::StopGradientOp findGathered(mlir::func::FuncOp forward) {
  Analysis analysis;
  analysis.run(forward);
  return analysis.gathered;
}

} // namespace pgc
