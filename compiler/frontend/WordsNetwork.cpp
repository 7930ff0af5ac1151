// The words that networks are made of.
#include "compiler/frontend/Words.h"
#include <cmath>

namespace pgc {

static std::optional<Tensor> floats(Evaluator &ev, const WordCall &c,
                                    size_t i) {
  return ev.toTensor(c.values[i], Element::Float, c.ranges[i], c.word);
}

static std::optional<Tensor> integers(Evaluator &ev, const WordCall &c,
                                      size_t i) {
  if (!c.values[i].isTensor()) {
    ev.error(c.ranges[i], c.word.str() +
                              " takes a tensor of integers; this is " +
                              c.values[i].kindName().str());
    return std::nullopt;
  }
  return ev.toTensor(c.values[i], Element::Integer, c.ranges[i], c.word);
}

static bool sameDims(llvm::ArrayRef<Dim> a, llvm::ArrayRef<Dim> b) {
  return a.size() == b.size() && llvm::all_of(llvm::zip(a, b), [](auto pair) {
           return std::get<0>(pair).size == std::get<1>(pair).size;
         });
}

static Value embed(Evaluator &ev, const WordCall &c) {
  auto table = floats(ev, c, 0);
  auto ids = integers(ev, c, 1);
  if (!table || !ids)
    return Value();
  if (table->rank() != 2)
    return ev
        .error(c.ranges[0], "embed: the table has two axes, this one " +
                                std::to_string(table->rank()))
        .detail("table : " + describe(table->dims));
  if (ids->rank() > 3)
    return ev.error(c.ranges[1], "embed: ids have at most three axes");
  Dims dims = ids->dims;
  dims.push_back(table->dims[1]);
  mlir::Value t = ev.load(*table, c.range), i = ev.load(*ids, c.range);
  return ev.wrap(pg::EmbedOp::create(ev.builder, ev.location(c.range), t, i),
                 dims);
}

static Value linear(Evaluator &ev, const WordCall &c) {
  auto x = floats(ev, c, 0), w = floats(ev, c, 1);
  if (!x || !w)
    return Value();
  auto operands = [&] { return describeOperands({{"x", &*x}, {"w", &*w}}); };
  if (x->rank() == 0 || w->rank() != 2) {
    Report report = ev.error(
        c.range, w->rank() != 2 ? "linear: w has " + std::to_string(w->rank()) +
                                      " axes; it is a matrix [out, in]"
                                : "linear: x has no axis of features");
    report.detail(operands());
    noteDeclaration(report, "w", *w);
    return Value();
  }
  const Dim &features = x->dims.back(), &takes = w->dims[1];
  if (features.size != takes.size) {
    Report report = ev.error(
        c.range, "linear: x has " + std::to_string(features.size) +
                     " features, w takes " + std::to_string(takes.size));
    report.detail(operands());
    noteDeclaration(report, "w", *w);
    if (features.size > takes.size) {
      std::string size =
          takes.name.empty() ? std::to_string(takes.size) : takes.name.str();
      std::string text(ev.session.sources.text(c.ranges[0]));
      report.help("to take the first " + std::to_string(takes.size) +
                  " features, write " + text + "[..., 0.." + size + "]");
    }
    report.defines(x->dims).defines(w->dims);
    return Value();
  }
  Dims dims = x->dims;
  dims.back() = w->dims[0];
  if (!countElements(dims))
    return ev.error(c.range, "linear: the result " + describe(dims) +
                                 " holds more than 2^40 elements");
  mlir::Value left = ev.load(*x, c.range), right = ev.load(*w, c.range);
  return ev.wrap(
      pg::LinearOp::create(ev.builder, ev.location(c.range), left, right),
      dims);
}

static Value lastAxis(Evaluator &ev, const WordCall &c) {
  auto x = floats(ev, c, 0);
  if (!x)
    return Value();
  if (x->rank() == 0)
    return ev.error(c.ranges[0], c.word.str() + ": x has no axis");
  mlir::Value value = ev.load(*x, c.range);
  mlir::Location loc = ev.location(c.range);
  if (c.word == "rms_norm")
    return ev.wrap(pg::RmsNormOp::create(ev.builder, loc, value), x->dims);
  return ev.wrap(pg::NormalizeOp::create(ev.builder, loc, value), x->dims);
}

/// cos and sin of position × frequency, computed in double.
static std::pair<mlir::Attribute, mlir::Attribute>
ropeTables(Evaluator &ev, int64_t T, const std::vector<double> &freqs) {
  auto &slot = ev.session.ropeTables[{T, freqs}];
  if (slot.first)
    return slot;
  std::vector<double> cosines, sines;
  for (int64_t t = 0; t < T; ++t)
    for (double f : freqs) {
      cosines.push_back(std::cos(double(t) * f));
      sines.push_back(std::sin(double(t) * f));
    }
  auto type = mlir::RankedTensorType::get({T, int64_t(freqs.size())},
                                          ev.session.floatType);
  slot = {ev.denseFloats(type, cosines), ev.denseFloats(type, sines)};
  return slot;
}

static Value rope(Evaluator &ev, const WordCall &c) {
  auto x = floats(ev, c, 0);
  const Value &list = c.values[1];
  if (!x)
    return Value();
  if (!list.isList())
    return ev.error(c.ranges[1], "rope takes a list of frequencies; this is " +
                                     list.kindName().str());
  if (x->rank() != 4)
    return ev.error(c.ranges[0],
                    "rope: x is [B, T, H, D], not " + describe(x->dims));
  std::vector<double> freqs;
  for (const Value &v : list.asList()) {
    auto f = ev.requireNumber(v, c.ranges[1], "a frequency");
    if (!f)
      return Value();
    freqs.push_back(*f);
  }
  int64_t T = x->dims[1].size, D = x->dims[3].size, n = freqs.size();
  if (n > D / 2)
    return ev
        .error(c.range, "rope: " + std::to_string(n) + " frequencies turn " +
                            std::to_string(2 * n) + " features, x has " +
                            std::to_string(D))
        .detail("x : " + describe(x->dims))
        .defines(x->dims);
  if (n == 0)
    return Value::tensor(*x);
  if (T > (int64_t(1) << 28) / n)
    return ev.error(c.range, "rope: the tables for " + describe(x->dims[1]) +
                                 " positions are too large");
  auto [cosines, sines] = ropeTables(ev, T, freqs);
  mlir::Location loc = ev.location(c.range);
  mlir::Value value = ev.load(*x, c.range);
  mlir::Value cosine = pg::ConstantOp::create(
      ev.builder, loc, llvm::cast<mlir::ElementsAttr>(cosines));
  mlir::Value sine = pg::ConstantOp::create(
      ev.builder, loc, llvm::cast<mlir::ElementsAttr>(sines));
  return ev.wrap(pg::RopeOp::create(ev.builder, loc, value, cosine, sine,
                                    /*inverse=*/false),
                 x->dims);
}

/// Heads [B, T, H, D] of `q` against heads [B, T, K, D] of `k`.
static bool checkHeads(Evaluator &ev, const WordCall &c, llvm::StringRef qName,
                       const Tensor &q, llvm::StringRef kName,
                       const Tensor &k) {
  std::string problem;
  std::string word = c.word.str();
  if (q.rank() != 4 || k.rank() != 4)
    problem = word + ": " + qName.str() + " and " + kName.str() +
              " are [B, T, heads, D]";
  else if (q.dims[0].size != k.dims[0].size || q.dims[1].size != k.dims[1].size)
    problem =
        word + ": " + qName.str() + " and " + kName.str() + " differ in B or T";
  else if (q.dims[3].size != k.dims[3].size)
    problem = word + ": heads of " + qName.str() + " have " +
              std::to_string(q.dims[3].size) + " features, those of " +
              kName.str() + " " + std::to_string(k.dims[3].size);
  else if (q.dims[2].size % k.dims[2].size != 0)
    problem = word + ": " + qName.str() + " has " +
              std::to_string(q.dims[2].size) +
              " heads, not a multiple of the " +
              std::to_string(k.dims[2].size) + " of " + kName.str();
  if (problem.empty())
    return true;
  ev.error(c.range, problem)
      .detail(describeOperands({{qName, &q}, {kName, &k}}))
      .defines(q.dims)
      .defines(k.dims);
  return false;
}

static Value attention(Evaluator &ev, const WordCall &c) {
  auto q = floats(ev, c, 0), k = floats(ev, c, 1), v = floats(ev, c, 2);
  if (!q || !k || !v || !checkHeads(ev, c, "q", *q, "k", *k) ||
      !checkHeads(ev, c, "q", *q, "v", *v))
    return Value();
  if (k->dims[2].size != v->dims[2].size)
    return ev
        .error(c.range, "attention: k has " + std::to_string(k->dims[2].size) +
                            " heads, v " + std::to_string(v->dims[2].size))
        .detail(describeOperands({{"k", &*k}, {"v", &*v}}));
  mlir::Value segment;
  if (c.has(3)) {
    auto s = integers(ev, c, 3);
    if (!s)
      return Value();
    Dims want(q->dims.begin(), q->dims.begin() + 2);
    auto dims = ev.broadcast({&*s}, c.ranges[3], "segment");
    if (s->rank() > 2 || !dims)
      return ev.error(c.ranges[3],
                      "attention: segment is [B, T], not " + describe(s->dims));
    segment = ev.load(*s, c.range);
    if (!sameDims(s->dims, want)) {
      // iota(T) // 2048, for instance, holds for every sequence.
      Tensor like{want, Element::Integer};
      auto wide = ev.broadcast({&*s, &like}, c.ranges[3], "segment");
      if (!wide)
        return Value();
      if (!sameDims(*wide, want))
        return ev.error(c.ranges[3], "attention: segment is [B, T], not " +
                                         describe(s->dims));
      segment = pg::BroadcastOp::create(
          ev.builder, ev.location(c.ranges[3]), segment,
          llvm::ArrayRef<int64_t>{want[0].size, want[1].size});
    }
  }
  mlir::Value query = ev.load(*q, c.range), key = ev.load(*k, c.range),
              value = ev.load(*v, c.range);
  auto op = pg::AttentionOp::create(ev.builder, ev.location(c.range), query,
                                    key, value, segment);
  return ev.wrap(op.getO(), q->dims);
}

static Value xsa(Evaluator &ev, const WordCall &c) {
  auto y = floats(ev, c, 0), v = floats(ev, c, 1);
  if (!y || !v || !checkHeads(ev, c, "y", *y, "v", *v))
    return Value();
  mlir::Value heads = ev.load(*y, c.range), values = ev.load(*v, c.range);
  return ev.wrap(
      pg::XsaOp::create(ev.builder, ev.location(c.range), heads, values),
      y->dims);
}

static Value tanhCap(Evaluator &ev, const WordCall &c) {
  auto z = floats(ev, c, 0);
  if (!z)
    return Value();
  if (!c.values[1].isNumber()) {
    ev.requireNumber(c.values[1], c.ranges[1], "the cap");
    return Value();
  }
  double cap = c.values[1].asDouble();
  if (!(cap > 0))
    return ev.error(c.ranges[1], "tanh_cap: the cap is above 0, not " +
                                     describe(c.values[1]));
  mlir::Value value = ev.load(*z, c.range);
  return ev.wrap(pg::TanhCapOp::create(ev.builder, ev.location(c.range), value,
                                       ev.builder.getF64FloatAttr(cap)),
                 z->dims);
}

static Value crossEntropy(Evaluator &ev, const WordCall &c) {
  auto z = floats(ev, c, 0);
  auto ids = integers(ev, c, 1);
  if (!z || !ids)
    return Value();
  bool fits = z->rank() == ids->rank() + 1 &&
              sameDims(llvm::ArrayRef<Dim>(z->dims).drop_back(), ids->dims);
  if (!fits)
    return ev.error(c.range, "cross_entropy: z is [..., V] for ids [...]")
        .detail(describeOperands({{"z", &*z}, {"ids", &*ids}}))
        .defines(z->dims)
        .defines(ids->dims);
  mlir::Value logits = ev.load(*z, c.range), targets = ev.load(*ids, c.range);
  return ev.wrap(pg::CrossEntropyOp::create(ev.builder, ev.location(c.range),
                                            logits, targets),
                 {});
}

static Value stopGradient(Evaluator &ev, const WordCall &c) {
  const Value &x = c.values[0];
  if (x.isNumber() || x.isStep())
    return x;
  if (!x.isTensor())
    return ev.error(c.ranges[0], c.word.str() + " of " + x.kindName().str());
  const Tensor &t = x.asTensor();
  mlir::Value value = ev.load(t, c.range);
  mlir::Location loc = ev.location(c.range);
  if (c.word == "stop_gradient")
    return ev.wrap(pg::StopGradientOp::create(ev.builder, loc, value), t.dims,
                   t.element);
  if (t.element != Element::Float)
    return Value::tensor(ev.convert(t, Element::Float, c.range));
  return ev.wrap(pg::F32Op::create(ev.builder, loc, value), t.dims);
}

llvm::ArrayRef<Word> networkWords() {
  static const Word words[] = {
      {"embed", "table, ids", embed},
      {"linear", "x, w", linear},
      {"rms_norm", "x", lastAxis},
      {"normalize", "x", lastAxis},
      {"rope", "x, freqs", rope},
      {"attention", "q, k, v, segment?", attention},
      {"xsa", "y, v", xsa},
      {"tanh_cap", "z, s", tanhCap},
      {"cross_entropy", "z, ids", crossEntropy},
      {"stop_gradient", "x", stopGradient},
      {"f32", "x", stopGradient},
  };
  return words;
}

} // namespace pgc
