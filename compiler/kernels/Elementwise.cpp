// What elementwise operations compute of register values.
#include "compiler/kernels/KernelBuilder.h"
#include "dialects/pg/Pg.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace pgc {

bool KernelBuilder::isElementwise(Operation *op) {
  return isa<pg::AddOp, pg::SubOp, pg::MulOp, pg::DivOp, pg::PowOp, pg::MaxOp,
             pg::MinOp, pg::FloorDivOp, pg::ModOp, pg::XorOp, pg::AndOp,
             pg::OrOp, pg::NegOp, pg::AbsOp, pg::SqrtOp, pg::RsqrtOp, pg::ExpOp,
             pg::LogOp, pg::TanhOp, pg::SigmoidOp, pg::CosOp, pg::SinOp,
             pg::FloorOp, pg::RoundOp, pg::RoundF16Op, pg::StopGradientOp,
             pg::F32Op, pg::CompareOp, pg::SelectOp, pg::ConvertOp>(op);
}

static Value compare(KernelBuilder &k, pg::Predicate predicate, Value x,
                     Value y) {
  using pg::Predicate;
  bool isFloat = isa<FloatType>(k.getElementType(x.getType()));
  auto pick = [&](arith::CmpFPredicate f, arith::CmpIPredicate i) -> Value {
    if (isFloat)
      return arith::CmpFOp::create(k.b, k.loc, f, x, y);
    return arith::CmpIOp::create(k.b, k.loc, i, x, y);
  };
  switch (predicate) {
  case Predicate::eq:
    return pick(arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq);
  case Predicate::ne:
    return pick(arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne);
  case Predicate::lt:
    return pick(arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt);
  case Predicate::le:
    return pick(arith::CmpFPredicate::OLE, arith::CmpIPredicate::sle);
  case Predicate::gt:
    return pick(arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt);
  case Predicate::ge:
    return pick(arith::CmpFPredicate::OGE, arith::CmpIPredicate::sge);
  }
  llvm_unreachable("all predicates are listed");
}

/// Integer division rounded down, and its remainder with the divisor's sign;
/// both 0 where the divisor is 0.
static std::pair<Value, Value> divideFloor(KernelBuilder &k, Value x, Value y) {
  auto compareTo = [&](arith::CmpIPredicate p, Value a, Value c) -> Value {
    return arith::CmpIOp::create(k.b, k.loc, p, a, c);
  };
  auto choose = [&](Value c, Value a, Value z) -> Value {
    return arith::SelectOp::create(k.b, k.loc, c, a, z);
  };
  Value zero = k.integer(x.getType(), 0), one = k.integer(x.getType(), 1),
        minusOne = k.integer(x.getType(), -1);
  // The machine traps on x / 0 and on the smallest number / -1: both are
  // computed otherwise.
  Value byZero = compareTo(arith::CmpIPredicate::eq, y, zero),
        byMinusOne = compareTo(arith::CmpIPredicate::eq, y, minusOne);
  Value divisor =
      choose(arith::OrIOp::create(k.b, k.loc, byZero, byMinusOne), one, y);
  Value q = arith::DivSIOp::create(k.b, k.loc, x, divisor);
  Value r = arith::SubIOp::create(
      k.b, k.loc, x, arith::MulIOp::create(k.b, k.loc, q, divisor));
  Value signsDiffer =
      compareTo(arith::CmpIPredicate::slt,
                arith::XOrIOp::create(k.b, k.loc, r, divisor), zero);
  Value adjust = arith::AndIOp::create(
      k.b, k.loc, compareTo(arith::CmpIPredicate::ne, r, zero), signsDiffer);
  q = choose(adjust, arith::SubIOp::create(k.b, k.loc, q, one), q);
  r = choose(adjust, arith::AddIOp::create(k.b, k.loc, r, divisor), r);
  q = choose(byMinusOne, arith::SubIOp::create(k.b, k.loc, zero, x),
             choose(byZero, zero, q));
  return {q, choose(byZero, zero, r)};
}

Value KernelBuilder::elementwise(Operation *op, ArrayRef<Value> v) {
  Type type = v.front().getType();
  bool isFloat = isa<FloatType>(getElementType(type));
  return TypeSwitch<Operation *, Value>(op)
      .Case<pg::AddOp>([&](auto) -> Value {
        return isFloat ? addf(v[0], v[1])
                       : arith::AddIOp::create(b, loc, v[0], v[1]).getResult();
      })
      .Case<pg::SubOp>([&](auto) -> Value {
        return isFloat ? subf(v[0], v[1])
                       : arith::SubIOp::create(b, loc, v[0], v[1]).getResult();
      })
      .Case<pg::MulOp>([&](auto) -> Value {
        return isFloat ? mulf(v[0], v[1])
                       : arith::MulIOp::create(b, loc, v[0], v[1]).getResult();
      })
      .Case<pg::DivOp>([&](auto) { return divf(v[0], v[1]); })
      .Case<pg::PowOp>([&](auto) { return pow(v[0], v[1]); })
      .Case<pg::MaxOp>([&](auto) -> Value {
        return isFloat ? maxf(v[0], v[1])
                       : arith::MaxSIOp::create(b, loc, v[0], v[1]).getResult();
      })
      .Case<pg::MinOp>([&](auto) -> Value {
        return isFloat ? minf(v[0], v[1])
                       : arith::MinSIOp::create(b, loc, v[0], v[1]).getResult();
      })
      .Case<pg::FloorDivOp>([&](auto) -> Value {
        return isFloat ? LLVM::FFloorOp::create(b, loc, divf(v[0], v[1]))
                             .getResult()
                       : divideFloor(*this, v[0], v[1]).first;
      })
      .Case<pg::ModOp>([&](auto) -> Value {
        if (!isFloat)
          return divideFloor(*this, v[0], v[1]).second;
        Value q = LLVM::FFloorOp::create(b, loc, divf(v[0], v[1]));
        return fma(negf(q), v[1], v[0]);
      })
      .Case<pg::XorOp>(
          [&](auto) { return arith::XOrIOp::create(b, loc, v[0], v[1]); })
      .Case<pg::AndOp>(
          [&](auto) { return arith::AndIOp::create(b, loc, v[0], v[1]); })
      .Case<pg::OrOp>(
          [&](auto) { return arith::OrIOp::create(b, loc, v[0], v[1]); })
      .Case<pg::NegOp>([&](auto) -> Value {
        return isFloat ? negf(v[0])
                       : arith::SubIOp::create(b, loc, integer(type, 0), v[0])
                             .getResult();
      })
      .Case<pg::AbsOp>([&](auto) -> Value {
        if (isFloat)
          return LLVM::FAbsOp::create(b, loc, v[0]);
        return arith::MaxSIOp::create(
            b, loc, v[0],
            arith::SubIOp::create(b, loc, integer(type, 0), v[0]));
      })
      .Case<pg::SqrtOp>([&](auto) { return sqrt(v[0]); })
      .Case<pg::RsqrtOp>([&](auto) { return rsqrt(v[0]); })
      .Case<pg::ExpOp>([&](auto) { return exp(v[0]); })
      .Case<pg::LogOp>([&](auto) { return log(v[0]); })
      .Case<pg::TanhOp>([&](auto) { return tanh(v[0]); })
      .Case<pg::SigmoidOp>([&](auto) { return sigmoid(v[0]); })
      .Case<pg::CosOp>([&](auto) { return cos(v[0]); })
      .Case<pg::SinOp>([&](auto) { return sin(v[0]); })
      .Case<pg::FloorOp>(
          [&](auto) { return LLVM::FFloorOp::create(b, loc, v[0]); })
      .Case<pg::RoundOp>(
          [&](auto) { return LLVM::RoundEvenOp::create(b, loc, v[0]); })
      .Case<pg::RoundF16Op>([&](auto) { return roundToF16(v[0]); })
      .Case<pg::StopGradientOp, pg::F32Op>([&](auto) { return v[0]; })
      .Case<pg::CompareOp>([&](pg::CompareOp compareOp) {
        return compare(*this, compareOp.getPredicate(), v[0], v[1]);
      })
      .Case<pg::SelectOp>([&](auto) {
        return arith::SelectOp::create(b, loc, v[0], v[1], v[2]);
      })
      .Case<pg::ConvertOp>([&](pg::ConvertOp convertOp) {
        return convert(v[0], convertOp.getResult().getType().getElementType());
      })
      .Default([](Operation *) { return Value(); });
}

} // namespace pgc
