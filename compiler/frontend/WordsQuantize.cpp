// Words of quantisers: what is stored, and the linear algebra behind it.
#include "compiler/frontend/Words.h"

namespace pgc {

/// Reports a word that stands where no weight is quantised.
static bool isInQuantizer(Evaluator &ev, const WordCall &c) {
  bool initializes = c.word == "svd" && !ev.initializing.empty();
  if (ev.pass.quantizes || initializes)
    return true;
  ev.error(c.callee, "'" + c.word.str() + "' is for quantisers" +
                         (c.word == "svd" ? " and initial values" : "") +
                         ": it has no meaning elsewhere");
  return false;
}

/// A matrix of floats.
static std::optional<Tensor> requireMatrix(Evaluator &ev, const WordCall &c,
                                           size_t arg, llvm::StringRef name) {
  auto t = ev.toTensor(c.values[arg], Element::Float, c.ranges[arg], c.word);
  if (!t)
    return std::nullopt;
  if (t->rank() != 2) {
    Report report =
        ev.error(c.ranges[arg],
                 c.word.str() + " takes a matrix, not " + describe(t->dims));
    noteDeclaration(report, name, *t);
    return std::nullopt;
  }
  return t;
}

static std::optional<int64_t> requireAtLeast(Evaluator &ev, const WordCall &c,
                                             size_t arg, llvm::StringRef name,
                                             int64_t least) {
  auto n =
      ev.requireInteger(c.values[arg], c.ranges[arg], "'" + name.str() + "'");
  if (!n || *n >= least)
    return n;
  ev.error(c.ranges[arg], c.word.str() + ": " + name.str() + " is at least " +
                              std::to_string(least) + ", not " +
                              std::to_string(*n));
  return std::nullopt;
}

static Value gptq(Evaluator &ev, const WordCall &c) {
  if (!isInQuantizer(ev, c))
    return Value();
  auto w = requireMatrix(ev, c, 0, "w"), h = requireMatrix(ev, c, 1, "h");
  auto scale =
      ev.toTensor(c.values[2], Element::Float, c.ranges[2], "the scale");
  auto top = requireAtLeast(ev, c, 3, "top", 1),
       block = requireAtLeast(ev, c, 4, "block", 1);
  auto damp = ev.requireNumber(c.values[5], c.ranges[5], "'damp'");
  if (!w || !h || !scale || !top || !block || !damp)
    return Value();
  if (!(*damp >= 0))
    return ev.error(c.ranges[5], "gptq: damp is not negative; this is " +
                                     describe(c.values[5]));
  constexpr int64_t mostTop = 32767; // codes are stored in 16 bits at most
  if (*top > mostTop)
    return ev.error(c.ranges[3], "gptq: top is at most " +
                                     std::to_string(mostTop) + ", not " +
                                     std::to_string(*top));
  const Dim &rows = w->dims[0], &columns = w->dims[1];
  auto operands = [&](Report &report) {
    report.detail(
        describeOperands({{"w", &*w}, {"h", &*h}, {"scale", &*scale}}));
    noteDeclaration(report, "w", *w);
  };
  if (h->dims[0].size != columns.size || h->dims[1].size != columns.size) {
    Report report = ev.error(
        c.ranges[1], "gptq: w has " + describe(columns) +
                         " columns, so h is [" + std::to_string(columns.size) +
                         ", " + std::to_string(columns.size) + "], not " +
                         describe(h->dims));
    operands(report);
    return report;
  }
  if (scale->rank() != 2 || scale->dims[0].size != rows.size ||
      scale->dims[1].size != 1) {
    Report report =
        ev.error(c.ranges[2], "gptq: the scale has one number a row of w, [" +
                                  std::to_string(rows.size) + ", 1], not " +
                                  describe(scale->dims));
    operands(report);
    return report;
  }
  mlir::Value weight = ev.load(*w, c.range), hessian = ev.load(*h, c.range),
              scales = ev.load(*scale, c.range);
  return ev.wrap(pg::GptqOp::create(ev.builder, ev.location(c.range), weight,
                                    hessian, scales, *top, *block,
                                    llvm::APFloat(*damp)),
                 w->dims);
}

static Value codes(Evaluator &ev, const WordCall &c) {
  if (!isInQuantizer(ev, c))
    return Value();
  auto q = ev.toTensor(c.values[0], Element::Float, c.ranges[0], c.word);
  auto lo = ev.requireInteger(c.values[1], c.ranges[1], "'lo'"),
       hi = ev.requireInteger(c.values[2], c.ranges[2], "'hi'");
  if (!q || !lo || !hi)
    return Value();
  if (*lo > *hi)
    return ev.error(c.range, "codes: lo (" + std::to_string(*lo) +
                                 ") is above hi (" + std::to_string(*hi) + ")");
  if (*lo < -32768 || *hi > 32767)
    return ev.error(c.range, "codes are stored in 16 bits at most, from "
                             "-32768 to 32767; this asks for " +
                                 std::to_string(*lo) + " … " +
                                 std::to_string(*hi));
  return ev.wrap(pg::CodesOp::create(ev.builder, ev.location(c.range),
                                     ev.load(*q, c.range), *lo, *hi),
                 q->dims);
}

/// In a quantiser also what is stored; elsewhere rounding like any other.
static Value f16(Evaluator &ev, const WordCall &c) {
  auto x = ev.toTensor(c.values[0], Element::Float, c.ranges[0], c.word);
  if (!x)
    return Value();
  return ev.wrap(pg::RoundF16Op::create(ev.builder, ev.location(c.range),
                                        ev.load(*x, c.range)),
                 x->dims);
}

// Of h [n, n]: [n], by a sum over all columns that keeps one term of each row.
static Value diagonal(Evaluator &ev, const WordCall &c) {
  if (!isInQuantizer(ev, c))
    return Value();
  auto h = requireMatrix(ev, c, 0, "h");
  if (!h)
    return Value();
  int64_t n = h->dims[0].size;
  if (h->dims[1].size != n)
    return ev.error(c.ranges[0],
                    "diagonal takes a square matrix, not " + describe(h->dims));
  mlir::OpBuilder &b = ev.builder;
  mlir::Location loc = ev.location(c.range);
  mlir::Value x = ev.load(*h, c.range);
  mlir::Value row = pg::IotaOp::create(b, loc, {n, n}, 0),
              column = pg::IotaOp::create(b, loc, {n, n}, 1);
  mlir::Value same =
      pg::CompareOp::create(b, loc, pg::Predicate::eq, row, column);
  mlir::Value zero =
      ev.constantTensor(0, c.range, Element::Float).asTensor().value;
  mlir::Value kept = pg::SelectOp::create(b, loc, same, x, zero);
  mlir::Value sum = pg::ReduceOp::create(b, loc, pg::ReduceKind::sum, kept,
                                         llvm::ArrayRef<int64_t>{1});
  return ev.wrap(pg::ReshapeOp::create(b, loc, sum, llvm::ArrayRef<int64_t>{n}),
                 {h->dims[0]});
}

static Value svd(Evaluator &ev, const WordCall &c) {
  if (!isInQuantizer(ev, c))
    return Value();
  auto w = requireMatrix(ev, c, 0, "w");
  auto rank = requireAtLeast(ev, c, 1, "r", 1);
  if (!w || !rank)
    return Value();
  int64_t most = std::min(w->dims[0].size, w->dims[1].size);
  if (*rank > most)
    return ev
        .error(c.ranges[1],
               "svd: " + describe(w->dims) + " has " + std::to_string(most) +
                   " singular values, not " + std::to_string(*rank))
        .defines(w->dims);
  auto op = pg::SvdOp::create(ev.builder, ev.location(c.range),
                              ev.load(*w, c.range), *rank);
  Dim k{*rank, c.values[1].name()};
  return Value::list({ev.wrap(op.getU(), {w->dims[0], k}),
                      ev.wrap(op.getS(), {k}),
                      ev.wrap(op.getV(), {k, w->dims[1]})});
}

llvm::ArrayRef<Word> quantizeWords() {
  static const Word words[] = {
      {"gptq", "w, h, scale, top, block, damp", gptq},
      {"codes", "q, lo, hi", codes},
      {"f16", "x", f16},
      {"diagonal", "h", diagonal},
      {"svd", "w, r", svd},
  };
  return words;
}

} // namespace pgc
