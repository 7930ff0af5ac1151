#include "compiler/plan/ScalarExprs.h"
#include "dialects/pg/Pg.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/ADT/bit.h"

using namespace mlir;

namespace pgc {

uint32_t ScalarExprs::node(Op::Op op, std::vector<uint32_t> args,
                           double value) {
  auto [entry, isNew] = nodes.try_emplace(
      {op, args, llvm::bit_cast<uint64_t>(value)}, plan.scalars_size());
  if (isNew) {
    Op *expr = plan.add_scalars();
    expr->set_op(op);
    expr->set_value(value);
    for (uint32_t arg : args)
      expr->add_args(arg);
  }
  return entry->second;
}

/// The plan's operation for one that has the same operands in the same order.
static std::optional<pgrt::plan::ScalarExpr::Op> directOp(Operation *op) {
  using Expr = pgrt::plan::ScalarExpr;
  using Result = std::optional<Expr::Op>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<pg::StepOp>([](auto) { return Expr::STEP; })
      .Case<pg::SequencesOp>([](auto) { return Expr::SEQUENCES; })
      .Case<pg::MicroBatchOp>([](auto) { return Expr::MICRO_BATCH; })
      .Case<pg::ProgressOp>([](auto) { return Expr::PROGRESS; })
      .Case<arith::AddFOp>([](auto) { return Expr::ADD; })
      .Case<arith::SubFOp>([](auto) { return Expr::SUB; })
      .Case<arith::MulFOp>([](auto) { return Expr::MUL; })
      .Case<arith::DivFOp>([](auto) { return Expr::DIV; })
      .Case<arith::MaximumFOp, arith::MaxNumFOp>([](auto) { return Expr::MAX; })
      .Case<arith::MinimumFOp, arith::MinNumFOp>([](auto) { return Expr::MIN; })
      .Case<arith::NegFOp>([](auto) { return Expr::NEG; })
      .Case<arith::SelectOp>([](auto) { return Expr::SELECT; })
      .Case<arith::AndIOp>([](auto) { return Expr::AND; })
      .Case<arith::OrIOp>([](auto) { return Expr::OR; })
      .Case<arith::XOrIOp>([](auto) { return Expr::NE; })
      .Case<math::AbsFOp>([](auto) { return Expr::ABS; })
      .Case<math::SqrtOp>([](auto) { return Expr::SQRT; })
      .Case<math::RsqrtOp>([](auto) { return Expr::RSQRT; })
      .Case<math::ExpOp>([](auto) { return Expr::EXP; })
      .Case<math::LogOp>([](auto) { return Expr::LOG; })
      .Case<math::TanhOp>([](auto) { return Expr::TANH; })
      .Case<math::CosOp>([](auto) { return Expr::COS; })
      .Case<math::SinOp>([](auto) { return Expr::SIN; })
      .Case<math::FloorOp>([](auto) { return Expr::FLOOR; })
      .Case<math::RoundEvenOp>([](auto) { return Expr::ROUND; })
      .Case<math::TruncOp>([](auto) { return Expr::TRUNC; })
      .Case<math::PowFOp>([](auto) { return Expr::POW; })
      .Case<arith::CmpFOp>([](arith::CmpFOp compare) -> Result {
        switch (compare.getPredicate()) {
        case arith::CmpFPredicate::OEQ:
        case arith::CmpFPredicate::UEQ:
          return Expr::EQ;
        case arith::CmpFPredicate::ONE:
        case arith::CmpFPredicate::UNE:
          return Expr::NE;
        case arith::CmpFPredicate::OLT:
        case arith::CmpFPredicate::ULT:
          return Expr::LT;
        case arith::CmpFPredicate::OLE:
        case arith::CmpFPredicate::ULE:
          return Expr::LE;
        case arith::CmpFPredicate::OGT:
        case arith::CmpFPredicate::UGT:
          return Expr::GT;
        case arith::CmpFPredicate::OGE:
        case arith::CmpFPredicate::UGE:
          return Expr::GE;
        default:
          return std::nullopt;
        }
      })
      .Default([](auto) { return std::nullopt; });
}

FailureOr<uint32_t> ScalarExprs::convert(Operation *op) {
  Attribute constant;
  if (matchPattern(op, m_Constant(&constant))) {
    if (auto number = dyn_cast<FloatAttr>(constant))
      return node(Op::CONSTANT, {}, number.getValueAsDouble());
    if (auto truth = dyn_cast<IntegerAttr>(constant))
      return node(Op::CONSTANT, {}, truth.getValue().isZero() ? 0 : 1);
  }
  if (auto solved = dyn_cast<pg::SolvedOp>(op))
    return node(Op::SOLVED, {}, solved.getStart().convertToDouble());
  std::vector<uint32_t> args;
  for (Value operand : op->getOperands()) {
    FailureOr<uint32_t> arg = add(operand);
    if (failed(arg))
      return failure();
    args.push_back(*arg);
  }
  if (isa<arith::UIToFPOp>(op)) // a comparison is 1 or 0 as it stands
    return args[0];
  if (auto direct = directOp(op))
    return node(*direct, std::move(args));
  return op->emitError("a plan has no step value of this kind");
}

FailureOr<uint32_t> ScalarExprs::add(Value value) {
  if (auto found = done.find(value); found != done.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  if (!op)
    return emitError(value.getLoc(),
                     "a step value must not depend on an argument");
  FailureOr<uint32_t> index = convert(op);
  if (succeeded(index))
    done[value] = *index;
  return index;
}

} // namespace pgc
