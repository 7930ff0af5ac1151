// Elementwise operations on constants, and with neutral elements.
#include "dialects/pg/Pg.h"
#include <cmath>

using namespace mlir;
using namespace pg;

namespace {

/// The one number that all elements of a constant are, or nothing.
template <typename T> std::optional<T> getUniform(Attribute value) {
  auto elements = dyn_cast_or_null<DenseElementsAttr>(value);
  if (!elements || !elements.isSplat())
    return std::nullopt;
  if constexpr (std::is_same_v<T, double>) {
    if (!isa<FloatType>(elements.getElementType()))
      return std::nullopt;
    APFloat number = elements.getSplatValue<APFloat>();
    bool inexact;
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                   &inexact);
    return number.convertToDouble();
  } else {
    if (!elements.getElementType().isInteger())
      return std::nullopt;
    APInt number = elements.getSplatValue<APInt>();
    return number.getBitWidth() == 1 ? number.getZExtValue()
                                     : number.getSExtValue();
  }
}

/// A constant of the type, all of whose elements are the number, rounded once
/// to the element type.
DenseElementsAttr makeUniform(Type type, double number) {
  auto tensor = cast<RankedTensorType>(type);
  APFloat value(number);
  bool inexact;
  value.convert(cast<FloatType>(tensor.getElementType()).getFloatSemantics(),
                APFloat::rmNearestTiesToEven, &inexact);
  return DenseElementsAttr::get(tensor, value);
}

DenseElementsAttr makeUniform(Type type, int64_t number) {
  auto tensor = cast<RankedTensorType>(type);
  return DenseElementsAttr::get(tensor, APInt(tensor.getElementTypeBitWidth(),
                                              number, /*isSigned=*/true,
                                              /*implicitTrunc=*/true));
}

/// The function of the operands' uniform numbers, if all are uniform constants
/// of the kind T. Sums, products, quotients and roots of f32 computed in double
/// and rounded are those of f32.
template <typename T, typename Fn, size_t... I>
OpFoldResult foldNumbers(Type type, ArrayRef<Attribute> operands, Fn fn,
                         std::index_sequence<I...>) {
  std::optional<T> numbers[] = {getUniform<T>(operands[I])...};
  if ((!numbers[I] || ...))
    return {};
  return makeUniform(type, fn(*numbers[I]...));
}

template <typename Fn>
OpFoldResult foldFloats1(Operation *op, ArrayRef<Attribute> operands, Fn fn) {
  return foldNumbers<double>(op->getResult(0).getType(), operands, fn,
                             std::make_index_sequence<1>());
}
template <typename Fn>
OpFoldResult foldFloats2(Operation *op, ArrayRef<Attribute> operands, Fn fn) {
  return foldNumbers<double>(op->getResult(0).getType(), operands, fn,
                             std::make_index_sequence<2>());
}
template <typename Fn>
OpFoldResult foldInts2(Operation *op, ArrayRef<Attribute> operands, Fn fn) {
  return foldNumbers<int64_t>(op->getResult(0).getType(), operands, fn,
                              std::make_index_sequence<2>());
}

/// Whether a constant is `number` everywhere.
bool isUniform(Attribute value, double number) {
  if (auto found = getUniform<double>(value))
    return *found == number;
  if (auto found = getUniform<int64_t>(value))
    return *found == static_cast<int64_t>(number);
  return false;
}

/// The operand, if it has the result's type.
OpFoldResult keep(Operation *op, unsigned operand) {
  Value value = op->getOperand(operand);
  return value.getType() == op->getResult(0).getType() ? OpFoldResult(value)
                                                       : OpFoldResult();
}

/// The other operand, if one is the neutral element and the other has the
/// result's type. `neutral` may stand on the right, and with `either` on the
/// left too.
OpFoldResult dropNeutral(Operation *op, ArrayRef<Attribute> operands,
                         double neutral, bool either) {
  if (isUniform(operands[1], neutral))
    if (OpFoldResult kept = keep(op, 0))
      return kept;
  if (either && isUniform(operands[0], neutral))
    return keep(op, 1);
  return {};
}

int64_t wrap(uint64_t value) { return static_cast<int64_t>(value); }

/// a / b rounded down; 0 where b is 0.
int64_t floorDivide(int64_t a, int64_t b) {
  if (b == 0)
    return 0;
  if (b == -1)
    return wrap(-static_cast<uint64_t>(a));
  int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

bool compareNumbers(Predicate predicate, auto a, auto b) {
  switch (predicate) {
  case Predicate::eq:
    return a == b;
  case Predicate::ne:
    return a != b;
  case Predicate::lt:
    return a < b;
  case Predicate::le:
    return a <= b;
  case Predicate::gt:
    return a > b;
  case Predicate::ge:
    return a >= b;
  }
  llvm_unreachable("no such predicate");
}

} // namespace

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  if (auto kept = dropNeutral(*this, adaptor.getOperands(), 0, /*either=*/true))
    return kept;
  if (auto folded = foldFloats2(*this, adaptor.getOperands(),
                                [](double a, double b) { return a + b; }))
    return folded;
  return foldInts2(*this, adaptor.getOperands(),
                   [](uint64_t a, uint64_t b) { return wrap(a + b); });
}

OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  if (auto kept =
          dropNeutral(*this, adaptor.getOperands(), 0, /*either=*/false))
    return kept;
  if (auto folded = foldFloats2(*this, adaptor.getOperands(),
                                [](double a, double b) { return a - b; }))
    return folded;
  return foldInts2(*this, adaptor.getOperands(),
                   [](uint64_t a, uint64_t b) { return wrap(a - b); });
}

OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  if (auto kept = dropNeutral(*this, adaptor.getOperands(), 1, /*either=*/true))
    return kept;
  if (auto folded = foldFloats2(*this, adaptor.getOperands(),
                                [](double a, double b) { return a * b; }))
    return folded;
  return foldInts2(*this, adaptor.getOperands(),
                   [](uint64_t a, uint64_t b) { return wrap(a * b); });
}

OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  if (auto kept =
          dropNeutral(*this, adaptor.getOperands(), 1, /*either=*/false))
    return kept;
  return foldFloats2(*this, adaptor.getOperands(),
                     [](double a, double b) { return a / b; });
}

OpFoldResult PowOp::fold(FoldAdaptor adaptor) {
  if (auto kept =
          dropNeutral(*this, adaptor.getOperands(), 1, /*either=*/false))
    return kept;
  return foldFloats2(*this, adaptor.getOperands(),
                     [](double a, double b) { return std::pow(a, b); });
}

OpFoldResult MaxOp::fold(FoldAdaptor adaptor) {
  if (auto folded =
          foldFloats2(*this, adaptor.getOperands(),
                      [](double a, double b) { return a < b ? b : a; }))
    return folded;
  return foldInts2(*this, adaptor.getOperands(),
                   [](int64_t a, int64_t b) { return std::max(a, b); });
}

OpFoldResult MinOp::fold(FoldAdaptor adaptor) {
  if (auto folded =
          foldFloats2(*this, adaptor.getOperands(),
                      [](double a, double b) { return b < a ? b : a; }))
    return folded;
  return foldInts2(*this, adaptor.getOperands(),
                   [](int64_t a, int64_t b) { return std::min(a, b); });
}

OpFoldResult FloorDivOp::fold(FoldAdaptor adaptor) {
  return foldInts2(*this, adaptor.getOperands(), floorDivide);
}

OpFoldResult ModOp::fold(FoldAdaptor adaptor) {
  return foldInts2(*this, adaptor.getOperands(), [](int64_t a, int64_t b) {
    return wrap(static_cast<uint64_t>(a) -
                static_cast<uint64_t>(b) * floorDivide(a, b)) *
           (b != 0);
  });
}

OpFoldResult XorOp::fold(FoldAdaptor adaptor) {
  return foldInts2(*this, adaptor.getOperands(),
                   [](int64_t a, int64_t b) { return a ^ b; });
}

OpFoldResult AndOp::fold(FoldAdaptor adaptor) {
  if (auto kept = dropNeutral(*this, adaptor.getOperands(), 1, /*either=*/true))
    return kept;
  return foldInts2(*this, adaptor.getOperands(),
                   [](int64_t a, int64_t b) { return a & b; });
}

OpFoldResult OrOp::fold(FoldAdaptor adaptor) {
  if (auto kept = dropNeutral(*this, adaptor.getOperands(), 0, /*either=*/true))
    return kept;
  return foldInts2(*this, adaptor.getOperands(),
                   [](int64_t a, int64_t b) { return a | b; });
}

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

OpFoldResult NegOp::fold(FoldAdaptor adaptor) {
  if (auto inner = getX().getDefiningOp<NegOp>())
    return inner.getX();
  if (auto number = getUniform<int64_t>(adaptor.getX()))
    return makeUniform(getType(), wrap(-static_cast<uint64_t>(*number)));
  return foldFloats1(*this, adaptor.getOperands(), [](double x) { return -x; });
}

OpFoldResult AbsOp::fold(FoldAdaptor adaptor) {
  if (auto number = getUniform<int64_t>(adaptor.getX()))
    return makeUniform(getType(), *number < 0
                                      ? wrap(-static_cast<uint64_t>(*number))
                                      : *number);
  return foldFloats1(*this, adaptor.getOperands(),
                     [](double x) { return std::fabs(x); });
}

OpFoldResult SqrtOp::fold(FoldAdaptor adaptor) {
  return foldFloats1(*this, adaptor.getOperands(),
                     [](double x) { return std::sqrt(x); });
}
OpFoldResult RsqrtOp::fold(FoldAdaptor adaptor) {
  return foldFloats1(*this, adaptor.getOperands(),
                     [](double x) { return 1 / std::sqrt(x); });
}
OpFoldResult ExpOp::fold(FoldAdaptor adaptor) {
  return foldFloats1(*this, adaptor.getOperands(),
                     [](double x) { return std::exp(x); });
}
OpFoldResult LogOp::fold(FoldAdaptor adaptor) {
  return foldFloats1(*this, adaptor.getOperands(),
                     [](double x) { return std::log(x); });
}
OpFoldResult TanhOp::fold(FoldAdaptor adaptor) {
  return foldFloats1(*this, adaptor.getOperands(),
                     [](double x) { return std::tanh(x); });
}
OpFoldResult SigmoidOp::fold(FoldAdaptor adaptor) {
  return foldFloats1(*this, adaptor.getOperands(),
                     [](double x) { return 1 / (1 + std::exp(-x)); });
}
OpFoldResult CosOp::fold(FoldAdaptor adaptor) {
  return foldFloats1(*this, adaptor.getOperands(),
                     [](double x) { return std::cos(x); });
}
OpFoldResult SinOp::fold(FoldAdaptor adaptor) {
  return foldFloats1(*this, adaptor.getOperands(),
                     [](double x) { return std::sin(x); });
}
OpFoldResult FloorOp::fold(FoldAdaptor adaptor) {
  return foldFloats1(*this, adaptor.getOperands(),
                     [](double x) { return std::floor(x); });
}
OpFoldResult RoundOp::fold(FoldAdaptor adaptor) {
  return foldFloats1(*this, adaptor.getOperands(),
                     [](double x) { return std::nearbyint(x); });
}
OpFoldResult StopGradientOp::fold(FoldAdaptor adaptor) {
  return adaptor.getX();
}
OpFoldResult F32Op::fold(FoldAdaptor) { return {}; }

//===----------------------------------------------------------------------===//
// Comparison, selection, conversion
//===----------------------------------------------------------------------===//

OpFoldResult CompareOp::fold(FoldAdaptor adaptor) {
  auto fold = [&](auto a, auto b) -> OpFoldResult {
    if (!a || !b)
      return {};
    return makeUniform(getType(), static_cast<int64_t>(
                                      compareNumbers(getPredicate(), *a, *b)));
  };
  if (auto folded = fold(getUniform<double>(adaptor.getLhs()),
                         getUniform<double>(adaptor.getRhs())))
    return folded;
  return fold(getUniform<int64_t>(adaptor.getLhs()),
              getUniform<int64_t>(adaptor.getRhs()));
}

OpFoldResult SelectOp::fold(FoldAdaptor adaptor) {
  if (getA() == getB() && getA().getType() == getType())
    return getA();
  if (auto condition = getUniform<int64_t>(adaptor.getCondition()))
    return keep(*this, *condition ? 1 : 2);
  return {};
}

OpFoldResult ConvertOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  Type element = getType().getElementType();
  if (auto number = getUniform<int64_t>(adaptor.getX())) {
    if (element.isInteger(1))
      return makeUniform(getType(), static_cast<int64_t>(*number != 0));
    return element.isInteger()
               ? makeUniform(getType(), *number)
               : makeUniform(getType(), static_cast<double>(*number));
  }
  if (auto number = getUniform<double>(adaptor.getX())) {
    if (element.isInteger(1))
      return makeUniform(getType(), static_cast<int64_t>(*number != 0));
    if (!element.isInteger())
      return makeUniform(getType(), *number);
    if (std::fabs(*number) < 0x1p62)
      return makeUniform(getType(), static_cast<int64_t>(*number));
  }
  return {};
}
