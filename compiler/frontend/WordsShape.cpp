// Words that regroup, move and make elements, and words of lists.
#include "compiler/frontend/Words.h"

namespace pgc {

static const Tensor *requireTensor(Evaluator &ev, const WordCall &c, size_t i) {
  if (c.values[i].isTensor())
    return &c.values[i].asTensor();
  ev.error(c.ranges[i], c.word.str() + " takes a tensor; this is " +
                            c.values[i].kindName().str());
  return nullptr;
}

/// For "[..., a, b]": the fewest trailing axes of x are regrouped.
static std::optional<size_t> countKept(const Tensor &x, int64_t wanted) {
  size_t kept = x.rank();
  int64_t have = 1;
  while (have != wanted && kept > 0)
    have *= x.dims[--kept].size;
  if (have != wanted)
    return std::nullopt;
  return kept;
}

static Value reshapeWord(Evaluator &ev, const WordCall &c) {
  const Tensor *x = requireTensor(ev, c, 0);
  if (!x)
    return Value();
  Value shape = c.values[1];
  bool leading =
      shape.isList() && !shape.asList().empty() && shape.asList()[0].isString();
  if (leading)
    shape = Value::list(List(shape.asList().begin() + 1, shape.asList().end()));
  auto dims = ev.requireShape(shape, c.ranges[1], "the shape", nullptr);
  if (!dims)
    return Value();
  int64_t wanted = *countElements(*dims), have = x->elements();
  if (leading) {
    auto kept = countKept(*x, wanted);
    if (!kept)
      return ev
          .error(c.range, "reshape: no trailing axes of x hold " +
                              std::to_string(wanted) + " elements")
          .detail("x : " + describe(x->dims) + "    to : [..., " +
                  describe(*dims).substr(1))
          .defines(x->dims)
          .defines(*dims);
    dims->insert(dims->begin(), x->dims.begin(), x->dims.begin() + *kept);
    if (dims->size() > 4)
      return ev.error(c.range, "a tensor has at most 4 axes; this would be " +
                                   describe(*dims));
  } else if (wanted != have) {
    return ev
        .error(c.range, "reshape: x has " + std::to_string(have) +
                            " elements, the shape " + std::to_string(wanted))
        .detail("x : " + describe(x->dims) + "    to : " + describe(*dims))
        .defines(x->dims)
        .defines(*dims);
  }
  return ev.reshape(*x, *dims, c.range);
}

static Value transpose(Evaluator &ev, const WordCall &c) {
  const Tensor *x = requireTensor(ev, c, 0);
  if (!x)
    return Value();
  if (x->rank() < 2)
    return ev
        .error(c.range, "transpose swaps the last two axes; x has " +
                            std::to_string(x->rank()))
        .detail("x : " + describe(x->dims));
  llvm::SmallVector<int64_t> permutation;
  for (size_t i = 0; i < x->rank(); ++i)
    permutation.push_back(i);
  std::swap(permutation[x->rank() - 1], permutation[x->rank() - 2]);
  Dims dims = x->dims;
  std::swap(dims[x->rank() - 1], dims[x->rank() - 2]);
  mlir::Value value = ev.load(*x, c.range);
  return ev.wrap(pg::TransposeOp::create(ev.builder, ev.location(c.range),
                                         value, permutation),
                 dims, x->element);
}

static Value shape(Evaluator &ev, const WordCall &c) {
  const Tensor *x = requireTensor(ev, c, 0);
  if (!x)
    return Value();
  List sizes;
  for (const Dim &d : x->dims)
    sizes.push_back(Value::integer(d.size, d.name));
  return Value::list(std::move(sizes));
}

static Value size(Evaluator &ev, const WordCall &c) {
  const Tensor *x = requireTensor(ev, c, 0);
  if (!x)
    return Value();
  auto axis = requireAxis(ev, c, 1, *x);
  if (!axis)
    return Value();
  return Value::integer(x->dims[*axis].size, x->dims[*axis].name);
}

static Value shift(Evaluator &ev, const WordCall &c) {
  const Tensor *x = requireTensor(ev, c, 0);
  auto n = ev.requireInteger(c.values[1], c.ranges[1], "the distance");
  if (!x || !n)
    return Value();
  if (x->rank() < 2)
    return ev
        .error(c.range, "shift moves along axis 1; x has " +
                            std::to_string(x->rank()) +
                            (x->rank() == 1 ? " axis" : " axes"))
        .detail("x : " + describe(x->dims));
  if (*n == 0)
    return c.values[0];
  int64_t T = x->dims[1].size;
  int64_t amount = std::clamp(*n, -T, T); // beyond T all is zeros
  mlir::Value value = ev.load(*x, c.range);
  return ev.wrap(pg::ShiftOp::create(ev.builder, ev.location(c.range), value,
                                     /*axis=*/1, amount),
                 x->dims, x->element);
}

static Value iota(Evaluator &ev, const WordCall &c) {
  auto dims = ev.requireShape(Value::list({c.values[0]}), c.ranges[0],
                              "the length", nullptr);
  if (!dims)
    return Value();
  mlir::Value value =
      pg::IotaOp::create(ev.builder, ev.location(c.range),
                         llvm::ArrayRef<int64_t>{(*dims)[0].size}, /*axis=*/0);
  return ev.wrap(value, *dims, Element::Integer);
}

static Value eye(Evaluator &ev, const WordCall &c) {
  auto dims = ev.requireShape(Value::list({c.values[0], c.values[0]}),
                              c.ranges[0], "the shape", nullptr);
  if (!dims)
    return Value();
  mlir::Location loc = ev.location(c.range);
  llvm::SmallVector<int64_t> square{(*dims)[0].size, (*dims)[0].size};
  mlir::Value row = pg::IotaOp::create(ev.builder, loc, square, 0);
  mlir::Value column = pg::IotaOp::create(ev.builder, loc, square, 1);
  return ev.wrap(
      pg::CompareOp::create(ev.builder, loc, pg::Predicate::eq, row, column),
      *dims, Element::Truth);
}

static Value rows(Evaluator &ev, const WordCall &c) {
  if (c.values.empty())
    return ev.error(c.range, "rows needs at least one number");
  auto values = std::make_shared<std::vector<double>>();
  for (size_t i = 0; i < c.values.size(); ++i) {
    auto v = ev.requireNumber(c.values[i], c.ranges[i], "an element of rows");
    if (!v)
      return Value();
    values->push_back(*v);
  }
  Tensor t{{{int64_t(values->size()), {}}, {1, {}}}, Element::Float};
  auto type = ev.typeOf(t.dims, Element::Float);
  t.value = pg::ConstantOp::create(ev.builder, ev.location(c.range),
                                   ev.denseFloats(type, *values));
  t.constants = values;
  return Value::tensor(t);
}

static Value len(Evaluator &ev, const WordCall &c) {
  const Value &l = c.values[0];
  if (!l.isList())
    return ev.error(c.ranges[0],
                    "len takes a list; this is " + l.kindName().str());
  return Value::integer(l.asList().size());
}

static Value has(Evaluator &ev, const WordCall &c) {
  const Value &l = c.values[0];
  if (!l.isList())
    return ev.error(c.ranges[0],
                    "has looks into a list; this is " + l.kindName().str());
  for (const Value &element : l.asList())
    if (equal(element, c.values[1]).value_or(false))
      return Value::integer(1);
  return Value::integer(0);
}

static Value toInt(Evaluator &ev, const WordCall &c) {
  const Value &x = c.values[0];
  if (!x.isNumber()) {
    ev.requireNumber(x, c.ranges[0], "the argument of int");
    return Value();
  }
  NumberResult result = computeInt(x);
  if (result.value)
    return *result.value;
  return ev.error(c.range, "int of " + describe(x) + ": " + result.error);
}

llvm::ArrayRef<Word> shapeWords() {
  static const Word words[] = {
      {"reshape", "x, shape", reshapeWord},
      {"transpose", "x", transpose},
      {"shape", "x", shape},
      {"size", "x, axis", size},
      {"shift", "x, n", shift},
      {"iota", "n", iota},
      {"eye", "n", eye},
      {"rows", "a...", rows},
      {"len", "l", len},
      {"has", "l, v", has},
      {"int", "x", toInt},
  };
  return words;
}

} // namespace pgc
