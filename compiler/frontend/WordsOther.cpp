// Words of optimizers, draws, and those that reach parameters.
#include "compiler/frontend/Glob.h"
#include "compiler/frontend/Recurrence.h"
#include "compiler/frontend/Words.h"

namespace pgc {

/// A tensor of draws: it has a variable of its own, from which @init starts.
static Value shapedDraw(Evaluator &ev, const WordCall &c, double std) {
  if (ev.initializing.empty())
    return ev
        .error(c.range, "normal with a shape is a tensor of draws, which only "
                        "the initial value of a parameter can have")
        .help("param name : shape = …;");
  auto dims = ev.requireShape(c.values[1], c.ranges[1], "the shape", nullptr);
  if (!dims)
    return Value();
  std::string name =
      ev.initializing + drawSuffix.str() + std::to_string(ev.draws++);
  mlir::OpBuilder &b = ev.builder;
  auto init =
      b.getDictionaryAttr({b.getNamedAttr("kind", b.getStringAttr("normal")),
                           b.getNamedAttr("std", b.getF64FloatAttr(std))});
  if (!ev.session.states.find(name))
    ev.session.states.add({name, *dims, init});
  mlir::Value value = pg::LoadOp::create(
      b, ev.location(c.range), ev.typeOf(*dims, Element::Float), name);
  return ev.wrap(value, *dims);
}

static Value normal(Evaluator &ev, const WordCall &c) {
  auto std =
      ev.requireNumber(c.values[0], c.ranges[0], "the standard deviation");
  if (!std)
    return Value();
  if (c.has(1))
    return shapedDraw(ev, c, *std);
  return Value::draw({/*orthogonal=*/false, *std});
}

static Value orthogonal(Evaluator &, const WordCall &) {
  return Value::draw({/*orthogonal=*/true, 1.0});
}

static Value params(Evaluator &ev, const WordCall &c) {
  if (!c.values[0].isString())
    return ev.error(c.ranges[0],
                    "params takes a glob, as \"blocks.*.weight\"; this is " +
                        c.values[0].kindName().str());
  const std::string &glob = c.values[0].asString();
  List found;
  for (const ParameterRecord *p : ev.declared)
    if (matchesGlob(glob, p->name)) {
      Tensor t{p->dims, Element::Float};
      t.parameter = p;
      found.push_back(Value::tensor(t));
    }
  if (found.empty()) {
    std::vector<std::string> names;
    for (const ParameterRecord *p : ev.declared)
      names.push_back(p->name);
    return ev.error(c.ranges[0], "no parameter that is declared by now fits '" +
                                     glob + "'" + didYouMean(glob, names));
  }
  return Value::list(std::move(found));
}

static Value newtonSchulz(Evaluator &ev, const WordCall &c) {
  if (!ev.inRule)
    return ev.error(c.callee, "newton_schulz is for optimizers: it has no "
                              "gradient");
  auto u = ev.toTensor(c.values[0], Element::Float, c.ranges[0], c.word);
  if (!u)
    return Value();
  if (u->rank() != 2)
    return ev.error(c.ranges[0],
                    "newton_schulz takes a matrix, not " + describe(u->dims));
  std::vector<double> coeffs;
  if (!c.values[1].isList() || c.values[1].asList().empty())
    return ev.error(c.ranges[1], "coeffs is a list of [a, b, c], one a step");
  for (const Value &tuple : c.values[1].asList()) {
    if (!tuple.isList() || tuple.asList().size() != 3)
      return ev.error(c.ranges[1], "coeffs is a list of [a, b, c]; one of them "
                                   "is " +
                                       describe(tuple));
    for (const Value &v : tuple.asList()) {
      auto x = ev.requireNumber(v, c.ranges[1], "a coefficient");
      if (!x)
        return Value();
      coeffs.push_back(*x);
    }
  }
  bool aol = false;
  auto form = pg::NewtonSchulzForm::cheaper;
  if (c.has(2)) {
    auto v = ev.requireNumber(c.values[2], c.ranges[2], "aol");
    if (!v)
      return Value();
    aol = *v != 0;
  }
  if (c.has(3)) {
    auto v = ev.requireNumber(c.values[3], c.ranges[3], "gram_aspect");
    if (!v)
      return Value();
    double rows = u->dims[0].size, columns = u->dims[1].size;
    double aspect = std::max(rows, columns) / std::min(rows, columns);
    if (*v >= 0)
      form = *v > 0 && aspect >= *v ? pg::NewtonSchulzForm::gram
                                    : pg::NewtonSchulzForm::plain;
  }
  mlir::Value value = ev.load(*u, c.range);
  return ev.wrap(pg::NewtonSchulzOp::create(ev.builder, ev.location(c.range),
                                            form, value, coeffs, aol),
                 u->dims);
}

llvm::ArrayRef<Word> otherWords() {
  static const Word words[] = {
      {"recur", "init, order, layer, skips?, merge?", evaluateRecur},
      {"normal", "std, shape?", normal},
      {"orthogonal", "", orthogonal},
      {"params", "glob", params},
      {"newton_schulz", "u, coeffs, aol?, gram_aspect?", newtonSchulz},
  };
  return words;
}

} // namespace pgc
