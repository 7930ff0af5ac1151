#include "compiler/frontend/StepExpr.h"
#include "dialects/pg/Pg.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/bit.h"
#include <cmath>
#include <set>

namespace pgc {

namespace arith = mlir::arith;
namespace math = mlir::math;
using Op = StepExpr::Op;

static double compute(Op op, double a, double b, double c) {
  switch (op) {
  case Op::Constant:
  case Op::Step:
  case Op::Progress:
  case Op::Solved:
    break;
  case Op::Neg:
    return -a;
  case Op::Abs:
    return std::fabs(a);
  case Op::Sqrt:
    return std::sqrt(a);
  case Op::Exp:
    return std::exp(a);
  case Op::Log:
    return std::log(a);
  case Op::Tanh:
    return std::tanh(a);
  case Op::Cos:
    return std::cos(a);
  case Op::Floor:
    return std::floor(a);
  case Op::Round:
    return std::nearbyint(a);
  case Op::Add:
    return a + b;
  case Op::Sub:
    return a - b;
  case Op::Mul:
    return a * b;
  case Op::Div:
    return a / b;
  case Op::Pow:
    return std::pow(a, b);
  case Op::Min:
    return b < a ? b : a;
  case Op::Max:
    return b > a ? b : a;
  case Op::Equal:
    return a == b;
  case Op::NotEqual:
    return a != b;
  case Op::Less:
    return a < b;
  case Op::LessEqual:
    return a <= b;
  case Op::Select:
    return a != 0 ? b : c;
  }
  return 0;
}

const StepExpr *StepGraph::unique(StepExpr node) {
  Key key(static_cast<int>(node.op), llvm::bit_cast<uint64_t>(node.constant),
          node.operands[0], node.operands[1], node.operands[2]);
  auto &slot = nodes[key];
  if (!slot)
    slot = std::make_unique<StepExpr>(node);
  return slot.get();
}

const StepExpr *StepGraph::constant(double value) {
  return unique({Op::Constant, value, {}});
}

const StepExpr *StepGraph::leaf(Op op) { return unique({op, 0, {}}); }

const StepExpr *StepGraph::solved(double start) {
  return unique({Op::Solved, start, {}});
}

const StepExpr *StepGraph::get(Op op, const StepExpr *a, const StepExpr *b,
                               const StepExpr *c) {
  if (a->isConstant() && (!b || b->isConstant()) && (!c || c->isConstant()))
    return constant(
        compute(op, a->constant, b ? b->constant : 0, c ? c->constant : 0));
  if (op == Op::Select && a->isConstant())
    return a->constant != 0 ? b : c;
  return unique({op, 0, {a, b, c}});
}

const StepExpr *StepGraph::floorDiv(const StepExpr *a, const StepExpr *b) {
  return get(Op::Floor, get(Op::Div, a, b));
}

const StepExpr *StepGraph::mod(const StepExpr *a, const StepExpr *b) {
  return get(Op::Sub, a, get(Op::Mul, floorDiv(a, b), b));
}

const StepExpr *StepGraph::sigmoid(const StepExpr *a) {
  const StepExpr *one = constant(1);
  return get(Op::Div, one, get(Op::Add, one, get(Op::Exp, get(Op::Neg, a))));
}

const StepExpr *StepGraph::truth(const StepExpr *a) {
  return a->isComparison() ? a : get(Op::NotEqual, a, constant(0));
}

using Memo = llvm::DenseMap<const StepExpr *, double>;

static double evaluateNode(const StepExpr *e, double step, double progress,
                           Memo &memo) {
  if (e->op == Op::Constant || e->op == Op::Solved)
    return e->constant;
  if (e->op == Op::Step)
    return step;
  if (e->op == Op::Progress)
    return progress;
  if (auto it = memo.find(e); it != memo.end())
    return it->second;
  double v[3] = {0, 0, 0};
  for (int i = 0; i < 3 && e->operands[i]; ++i)
    v[i] = evaluateNode(e->operands[i], step, progress, memo);
  double result = compute(e->op, v[0], v[1], v[2]);
  memo[e] = result;
  return result;
}

double evaluate(const StepExpr *expr, double step, double progress) {
  Memo memo;
  return evaluateNode(expr, step, progress, memo);
}

void collectThresholds(const StepExpr *expr, std::vector<double> &thresholds) {
  std::set<const StepExpr *> seen;
  std::vector<const StepExpr *> work{expr};
  while (!work.empty()) {
    const StepExpr *e = work.back();
    work.pop_back();
    if (!e || !seen.insert(e).second)
      continue;
    if (e->op == Op::Constant)
      thresholds.push_back(e->constant);
    work.insert(work.end(), e->operands, e->operands + 3);
  }
}

bool dependsOnSolved(const StepExpr *expr) {
  std::set<const StepExpr *> seen;
  std::vector<const StepExpr *> work{expr};
  while (!work.empty()) {
    const StepExpr *e = work.back();
    work.pop_back();
    if (!e || !seen.insert(e).second)
      continue;
    if (e->op == Op::Solved)
      return true;
    work.insert(work.end(), e->operands, e->operands + 3);
  }
  return false;
}

mlir::OpBuilder StepEmitter::builder() {
  if (!last)
    return mlir::OpBuilder(entry, entry->begin());
  return mlir::OpBuilder(entry, std::next(last->getIterator()));
}

mlir::Value StepEmitter::remember(mlir::Value value) {
  last = value.getDefiningOp();
  return value;
}

template <typename OpT, typename... Args>
mlir::Value StepEmitter::create(mlir::Location loc, Args... args) {
  mlir::OpBuilder b = builder();
  return remember(OpT::create(b, loc, args...));
}

mlir::Value StepEmitter::constant(double value, mlir::Location loc) {
  mlir::OpBuilder b = builder();
  return remember(arith::ConstantFloatOp::create(b, loc, b.getF64Type(),
                                                 llvm::APFloat(value)));
}

// A comparison that feeds a select stays a truth value.
mlir::Value StepEmitter::emitCondition(const StepExpr *e, mlir::Location loc) {
  using P = arith::CmpFPredicate;
  if (!e->isComparison()) {
    mlir::Value value = emit(e, loc), zero = constant(0, loc);
    return create<arith::CmpFOp>(loc, P::UNE, value, zero);
  }
  mlir::Value a = emit(e->operands[0], loc), b = emit(e->operands[1], loc);
  P predicate = e->op == Op::Equal      ? P::OEQ
                : e->op == Op::NotEqual ? P::UNE
                : e->op == Op::Less     ? P::OLT
                                        : P::OLE;
  return create<arith::CmpFOp>(loc, predicate, a, b);
}

mlir::Value StepEmitter::emitNew(const StepExpr *e, mlir::Location loc) {
  if (e->op == Op::Constant)
    return constant(e->constant, loc);
  if (e->op == Op::Step)
    return create<pg::StepOp>(loc);
  if (e->op == Op::Progress)
    return create<pg::ProgressOp>(loc);
  if (e->op == Op::Solved)
    return create<pg::SolvedOp>(loc, e->constant);
  if (e->isComparison() || e->op == Op::Select) {
    bool select = e->op == Op::Select;
    mlir::Value condition = emitCondition(select ? e->operands[0] : e, loc);
    mlir::Value yes = select ? emit(e->operands[1], loc) : constant(1, loc);
    mlir::Value no = select ? emit(e->operands[2], loc) : constant(0, loc);
    return create<arith::SelectOp>(loc, condition, yes, no);
  }
  mlir::Value a = emit(e->operands[0], loc);
  mlir::Value b = e->operands[1] ? emit(e->operands[1], loc) : mlir::Value();
  switch (e->op) {
  case Op::Neg:
    return create<arith::NegFOp>(loc, a);
  case Op::Abs:
    return create<math::AbsFOp>(loc, a);
  case Op::Sqrt:
    return create<math::SqrtOp>(loc, a);
  case Op::Exp:
    return create<math::ExpOp>(loc, a);
  case Op::Log:
    return create<math::LogOp>(loc, a);
  case Op::Tanh:
    return create<math::TanhOp>(loc, a);
  case Op::Cos:
    return create<math::CosOp>(loc, a);
  case Op::Floor:
    return create<math::FloorOp>(loc, a);
  case Op::Round:
    return create<math::RoundEvenOp>(loc, a);
  case Op::Add:
    return create<arith::AddFOp>(loc, a, b);
  case Op::Sub:
    return create<arith::SubFOp>(loc, a, b);
  case Op::Mul:
    return create<arith::MulFOp>(loc, a, b);
  case Op::Div:
    return create<arith::DivFOp>(loc, a, b);
  case Op::Pow:
    return create<math::PowFOp>(loc, a, b);
  case Op::Min:
    return create<arith::MinimumFOp>(loc, a, b);
  case Op::Max:
    return create<arith::MaximumFOp>(loc, a, b);
  default:
    llvm_unreachable("handled above");
  }
}

mlir::Value StepEmitter::emit(const StepExpr *expr, mlir::Location loc) {
  if (mlir::Value known = done.lookup(expr))
    return known;
  mlir::Value value = emitNew(expr, loc);
  done[expr] = value;
  return value;
}

} // namespace pgc
