// Operators on tensors: elementwise with broadcasting, products, selection.
#include "compiler/frontend/Evaluator.h"

namespace pgc {

using ast::BinaryOp;

static bool isComparison(BinaryOp op) {
  return op >= BinaryOp::Equal && op <= BinaryOp::GreaterEqual;
}

/// What an operand of an elementwise operation is by itself.
static Element elementOf(const Value &v) {
  if (v.isTensor())
    return v.asTensor().element;
  return v.isInteger() ? Element::Integer : Element::Float;
}

static Element common(const Value &a, const Value &b) {
  bool floats =
      elementOf(a) == Element::Float || elementOf(b) == Element::Float;
  return floats ? Element::Float : Element::Integer;
}

static mlir::Value emitBinary(mlir::OpBuilder &b, mlir::Location loc,
                              BinaryOp op, mlir::Value x, mlir::Value y) {
  auto compare = [&](pg::Predicate predicate) -> mlir::Value {
    return pg::CompareOp::create(b, loc, predicate, x, y);
  };
  switch (op) {
  case BinaryOp::Add:
    return pg::AddOp::create(b, loc, x, y);
  case BinaryOp::Subtract:
    return pg::SubOp::create(b, loc, x, y);
  case BinaryOp::Multiply:
    return pg::MulOp::create(b, loc, x, y);
  case BinaryOp::Divide:
    return pg::DivOp::create(b, loc, x, y);
  case BinaryOp::FloorDivide:
    return pg::FloorDivOp::create(b, loc, x, y);
  case BinaryOp::Modulo:
    return pg::ModOp::create(b, loc, x, y);
  case BinaryOp::Power:
    return pg::PowOp::create(b, loc, x, y);
  case BinaryOp::Equal:
    return compare(pg::Predicate::eq);
  case BinaryOp::NotEqual:
    return compare(pg::Predicate::ne);
  case BinaryOp::Less:
    return compare(pg::Predicate::lt);
  case BinaryOp::LessEqual:
    return compare(pg::Predicate::le);
  case BinaryOp::Greater:
    return compare(pg::Predicate::gt);
  case BinaryOp::GreaterEqual:
    return compare(pg::Predicate::ge);
  default:
    llvm_unreachable("not elementwise");
  }
}

/// x to a small whole power, by products: exact, and cheap to differentiate.
static mlir::Value emitPower(mlir::OpBuilder &b, mlir::Location loc,
                             mlir::Value x, int64_t exponent) {
  mlir::Value result;
  for (mlir::Value square = x; exponent > 0;) {
    if (exponent & 1)
      result = result ? pg::MulOp::create(b, loc, result, square).getResult()
                      : square;
    exponent >>= 1;
    if (exponent > 0)
      square = pg::MulOp::create(b, loc, square, square);
  }
  return result;
}

/// The elements of a small constant result, if both operands are constant.
static std::shared_ptr<const std::vector<double>>
foldConstants(BinaryOp op, const Tensor &a, const Tensor &b, const Dims &dims) {
  if (!a.constants || !b.constants || isComparison(op))
    return nullptr;
  size_t n = 1;
  for (const Dim &d : dims)
    n *= d.size;
  bool scalarA = a.constants->size() == 1, scalarB = b.constants->size() == 1;
  if ((!scalarA && a.constants->size() != n) ||
      (!scalarB && b.constants->size() != n))
    return nullptr;
  auto result = std::make_shared<std::vector<double>>();
  for (size_t i = 0; i < n; ++i) {
    Value x = Value::number((*a.constants)[scalarA ? 0 : i]);
    Value y = Value::number((*b.constants)[scalarB ? 0 : i]);
    NumberResult r = computeBinary(op, x, y);
    if (!r.value)
      return nullptr;
    result->push_back(r.value->asDouble());
  }
  return result;
}

Value Evaluator::elementwise(BinaryOp op, const Value &a, const Value &b,
                             SourceRange range, llvm::StringRef spelling) {
  bool masks = op == BinaryOp::Multiply && elementOf(a) == Element::Truth &&
               elementOf(b) == Element::Truth;
  Element element = masks ? Element::Truth : common(a, b);
  if (op == BinaryOp::Divide || op == BinaryOp::Power)
    element = Element::Float;
  mlir::Location loc = location(range);
  bool smallPower = op == BinaryOp::Power && b.isInteger() &&
                    b.asInteger() >= 1 && b.asInteger() <= 8;
  if (smallPower) {
    Tensor x = convert(a.asTensor(), element, range);
    return wrap(emitPower(builder, loc, load(x, range), b.asInteger()), x.dims);
  }
  std::optional<Tensor> x = toTensor(a, element, range, spelling);
  std::optional<Tensor> y = toTensor(b, element, range, spelling);
  if (!x || !y)
    return Value();
  std::optional<Dims> dims = broadcast({&*x, &*y}, range, spelling);
  if (!dims)
    return Value();
  mlir::Value left = load(*x, range), right = load(*y, range);
  Tensor result{*dims, isComparison(op) ? Element::Truth : element};
  result.constants = foldConstants(op, *x, *y, *dims);
  if (masks)
    result.value = pg::AndOp::create(builder, loc, left, right);
  else
    result.value = emitBinary(builder, loc, op, left, right);
  return Value::tensor(result);
}

Value Evaluator::minMax(bool max, const Value &a, const Value &b,
                        SourceRange range) {
  Element element = common(a, b);
  std::string word = max ? "max" : "min";
  std::optional<Tensor> x = toTensor(a, element, range, word);
  std::optional<Tensor> y = toTensor(b, element, range, word);
  if (!x || !y)
    return Value();
  std::optional<Dims> dims = broadcast({&*x, &*y}, range, word);
  if (!dims)
    return Value();
  mlir::Value left = load(*x, range), right = load(*y, range);
  mlir::Location loc = location(range);
  if (max)
    return wrap(pg::MaxOp::create(builder, loc, left, right), *dims, element);
  return wrap(pg::MinOp::create(builder, loc, left, right), *dims, element);
}

Value Evaluator::select(const Value &condition, const Value &a, const Value &b,
                        SourceRange range) {
  if (condition.isStep() && (a.isNumber() || a.isStep()) &&
      (b.isNumber() || b.isStep())) {
    StepGraph &g = session.steps;
    auto step = [&](const Value &v) {
      return v.isStep() ? v.asStep() : g.constant(v.asDouble());
    };
    return Value::step(g.get(StepExpr::Op::Select, g.truth(condition.asStep()),
                             step(a), step(b)));
  }
  for (const Value *v : {&a, &b})
    if (!v->isTensor() && !v->isNumber() && !v->isStep()) {
      Report report = error(range, "the condition chooses between numbers or "
                                   "tensors when it is not known when "
                                   "compiling; this is " +
                                       v->kindName().str());
      return Value();
    }
  Element element = common(a, b);
  std::optional<Tensor> mask =
      toTensor(condition, condition.isStep() ? Element::Float : Element::Truth,
               range, "a condition");
  if (mask && condition.isStep())
    mask = convert(*mask, Element::Truth, range);
  std::optional<Tensor> x = toTensor(a, element, range, "a selection");
  std::optional<Tensor> y = toTensor(b, element, range, "a selection");
  if (!mask || !x || !y)
    return Value();
  std::optional<Dims> dims = broadcast({&*mask, &*x, &*y}, range, "if");
  if (!dims)
    return Value();
  mlir::Value m = load(*mask, range), left = load(*x, range),
              right = load(*y, range);
  return wrap(pg::SelectOp::create(builder, location(range), m, left, right),
              *dims, element);
}

Value Evaluator::matmul(const Value &a, const Value &b,
                        const ast::Binary &expr) {
  SourceRange range = expr.opRange;
  Tensor x = convert(a.asTensor(), Element::Float, range);
  Tensor y = convert(b.asTensor(), Element::Float, range);
  auto shapes = [&] {
    return "left : " + describe(x.dims) + "    right : " + describe(y.dims);
  };
  if (x.rank() < 2 || y.rank() < 2)
    return error(range, "'@' takes matrices: at least two axes a side")
        .detail(shapes());
  const Dim &inner = x.dims.back(), &other = y.dims[y.rank() - 2];
  if (inner.size != other.size)
    return error(range, "'@': the left side has " + std::to_string(inner.size) +
                            " columns, the right side " +
                            std::to_string(other.size) + " rows")
        .detail(shapes())
        .defines(x.dims)
        .defines(y.dims);
  Tensor leadX{Dims(x.dims.begin(), x.dims.end() - 2), Element::Float};
  Tensor leadY{Dims(y.dims.begin(), y.dims.end() - 2), Element::Float};
  std::optional<Dims> dims = broadcast({&leadX, &leadY}, range, "@");
  if (!dims)
    return Value();
  dims->push_back(x.dims[x.rank() - 2]);
  dims->push_back(y.dims.back());
  if (!countElements(*dims))
    return error(range, "the result " + describe(*dims) +
                            " holds more than 2^40 elements");
  mlir::Value left = load(x, range), right = load(y, range);
  // A transposition of the right side is part of the product.
  bool transposed = false;
  if (auto op = right.getDefiningOp<pg::TransposeOp>()) {
    llvm::ArrayRef<int64_t> p = op.getPermutation();
    int64_t n = p.size();
    transposed = p[n - 1] == n - 2 && p[n - 2] == n - 1;
    for (int64_t i = 0; i + 2 < n; ++i)
      transposed = transposed && p[i] == i;
    if (transposed)
      right = op.getX();
  }
  return wrap(pg::MatmulOp::create(builder, location(range), left, right, false,
                                   transposed),
              *dims);
}

Value Evaluator::slice(const Tensor &x, llvm::ArrayRef<int64_t> offsets,
                       Dims sizes, SourceRange range) {
  bool whole = true;
  llvm::SmallVector<int64_t, 4> counts;
  for (size_t i = 0; i < x.rank(); ++i) {
    whole = whole && sizes[i].size == x.dims[i].size;
    counts.push_back(sizes[i].size);
  }
  if (whole)
    return Value::tensor(x);
  mlir::Value value = load(x, range);
  return wrap(
      pg::SliceOp::create(builder, location(range), value, offsets, counts),
      std::move(sizes), x.element);
}

Value Evaluator::reshape(const Tensor &x, Dims dims, SourceRange range) {
  bool same = x.rank() == dims.size();
  llvm::SmallVector<int64_t, 4> shape;
  for (size_t i = 0; i < dims.size(); ++i) {
    same = same && dims[i].size == x.dims[i].size;
    shape.push_back(dims[i].size);
  }
  if (same)
    return Value::tensor(x);
  mlir::Value value = load(x, range);
  return wrap(pg::ReshapeOp::create(builder, location(range), value, shape),
              std::move(dims), x.element);
}

} // namespace pgc
