// sum mean amax std norm logsumexp quantile cumsum: axes stay with size 1;
// without an axis the result is a scalar.
#include "compiler/frontend/Words.h"

namespace pgc {

using Axes = llvm::SmallVector<int64_t, 4>;

static Value sumOfList(Evaluator &ev, const WordCall &c) {
  const List &list = c.values[0].asList();
  if (c.has(1))
    return ev.error(c.ranges[1], "the sum of a list has no axis");
  if (list.empty())
    return Value::integer(0);
  // The operator's own rules hold, and its messages.
  ast::Binary plus(c.range);
  plus.op = ast::BinaryOp::Add;
  plus.opRange = c.range;
  plus.left = std::make_unique<ast::Ellipsis>(c.range);
  plus.right = std::make_unique<ast::Ellipsis>(c.range);
  Value total = list[0];
  for (size_t i = 1; i < list.size(); ++i)
    total = ev.binary(ast::BinaryOp::Add, total, list[i], plus);
  return total;
}

static mlir::Value emit(Evaluator &ev, const WordCall &c, mlir::Value x,
                        llvm::ArrayRef<int64_t> axes) {
  mlir::Location loc = ev.location(c.range);
  mlir::OpBuilder &b = ev.builder;
  if (c.word == "sum")
    return pg::ReduceOp::create(b, loc, pg::ReduceKind::sum, x, axes);
  if (c.word == "amax")
    return pg::ReduceOp::create(b, loc, pg::ReduceKind::max, x, axes);
  if (c.word == "mean")
    return pg::MeanOp::create(b, loc, x, axes);
  if (c.word == "std")
    return pg::StdOp::create(b, loc, x, axes);
  return pg::NormOp::create(b, loc, x, axes);
}

/// The operand as floats, and the axis; all axes if none is given.
static std::optional<Tensor> operand(Evaluator &ev, const WordCall &c,
                                     size_t axisArg, Axes &axes) {
  auto x = ev.toTensor(c.values[0], Element::Float, c.ranges[0], c.word);
  if (!x)
    return std::nullopt;
  if (c.has(axisArg)) {
    auto axis = requireAxis(ev, c, axisArg, *x);
    if (!axis)
      return std::nullopt;
    axes.push_back(*axis);
  } else {
    for (size_t i = 0; i < x->rank(); ++i)
      axes.push_back(i);
  }
  return x;
}

/// The reduced tensor, whose axes have size 1; a scalar without an axis.
static Value finish(Evaluator &ev, const WordCall &c, size_t axisArg,
                    const Tensor &x, llvm::ArrayRef<int64_t> axes,
                    mlir::Value reduced) {
  Dims dims = x.dims;
  for (int64_t axis : axes)
    dims[axis] = {1, {}};
  Value result = ev.wrap(reduced, dims);
  if (c.has(axisArg))
    return result;
  return ev.reshape(result.asTensor(), {}, c.range);
}

static Value reduce(Evaluator &ev, const WordCall &c) {
  if (c.word == "sum" && c.values[0].isList())
    return sumOfList(ev, c);
  if (!c.values[0].isTensor())
    return ev.error(c.ranges[0], c.word.str() + " takes a tensor" +
                                     (c.word == "sum" ? " or a list" : "") +
                                     "; this is " +
                                     c.values[0].kindName().str());
  Axes axes;
  auto x = operand(ev, c, 1, axes);
  if (!x)
    return Value();
  int64_t count = 1;
  for (int64_t axis : axes)
    count *= x->dims[axis].size;
  if (c.word == "std" && count < 2)
    return ev
        .error(c.range, "std of one element: it is unbiased, so it needs "
                        "at least two")
        .detail("x : " + describe(x->dims))
        .defines(x->dims);
  mlir::Value value = ev.load(*x, c.range);
  return finish(ev, c, 1, *x, axes, emit(ev, c, value, axes));
}

static Value logSumExp(Evaluator &ev, const WordCall &c) {
  Axes axes;
  auto x = operand(ev, c, 1, axes);
  if (!x)
    return Value();
  Tensor t = *x;
  if (!c.has(1)) { // over all elements: as one row
    t = ev.reshape(*x, {{x->elements(), {}}}, c.range).asTensor();
    axes = {0};
  }
  mlir::Value value = ev.load(t, c.range);
  mlir::Value reduced =
      pg::LogSumExpOp::create(ev.builder, ev.location(c.range), value, axes[0]);
  return finish(ev, c, 1, t, axes, reduced);
}

static Value quantile(Evaluator &ev, const WordCall &c) {
  auto q = ev.requireNumber(c.values[1], c.ranges[1], "the quantile's place");
  if (!q)
    return Value();
  if (*q < 0 || *q > 1)
    return ev.error(c.ranges[1], "a quantile's place is between 0 and 1, not " +
                                     describe(c.values[1]));
  Axes axes;
  auto x = operand(ev, c, 2, axes);
  if (!x)
    return Value();
  Tensor t = *x;
  if (!c.has(2)) {
    t = ev.reshape(*x, {{x->elements(), {}}}, c.range).asTensor();
    axes = {0};
  }
  mlir::Value value = ev.load(t, c.range);
  mlir::Value reduced = pg::QuantileOp::create(
      ev.builder, ev.location(c.range), value, llvm::APFloat(*q), axes[0]);
  return finish(ev, c, 2, t, axes, reduced);
}

static Value cumsum(Evaluator &ev, const WordCall &c) {
  if (!c.values[0].isTensor())
    return ev.error(c.ranges[0], "cumsum takes a tensor; this is " +
                                     c.values[0].kindName().str());
  const Tensor &given = c.values[0].asTensor();
  bool floats = given.element == Element::Float;
  Tensor x =
      ev.convert(given, floats ? Element::Float : Element::Integer, c.range);
  auto axis = requireAxis(ev, c, 1, x);
  if (!axis)
    return Value();
  mlir::Value value = ev.load(x, c.range);
  return ev.wrap(pg::CumsumOp::create(ev.builder, ev.location(c.range), value,
                                      *axis, /*reverse=*/false),
                 x.dims, x.element);
}

llvm::ArrayRef<Word> reductionWords() {
  static const Word words[] = {
      {"sum", "x, axis?", reduce},
      {"mean", "x, axis?", reduce},
      {"amax", "x, axis?", reduce},
      {"std", "x, axis?", reduce},
      {"norm", "x, axis?", reduce},
      {"logsumexp", "x, axis?", logSumExp},
      {"quantile", "x, q, axis?", quantile},
      {"cumsum", "x, axis", cumsum},
  };
  return words;
}

} // namespace pgc
