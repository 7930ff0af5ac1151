// Attention and its gradient against the interpreter, at sizes that divide by
// nothing.
#include "tests/support/KernelRunner.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace pgtest;

namespace {

std::string checkOnTargets(const std::string &text, KernelCheck check) {
  check.targets = {"x86-64-v3", "wide", "wide+dot"};
  std::string wrong = checkKernels(text, check);
  return wrong.empty() ? "" : wrong + "\n" + text;
}

struct Shape {
  int64_t batch, positions, queryHeads, keyHeads, width;
  int64_t last = 0; // queries of so many positions only; 0: of all
  int64_t queries() const { return last ? last : positions; }
};

std::string tensor(std::vector<int64_t> shape, const std::string &element) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

/// Types of a case, as text.
struct Types {
  std::string q, kv, sum, kvSum, lse, segment;
  Types(const Shape &s, const std::string &element) {
    std::string wide = element == "f64" ? "f64" : "f32";
    q = tensor({s.batch, s.queries(), s.queryHeads, s.width}, element);
    kv = tensor({s.batch, s.positions, s.keyHeads, s.width}, element);
    sum = tensor({s.batch, s.queries(), s.queryHeads, s.width}, wide);
    kvSum = tensor({s.batch, s.positions, s.keyHeads, s.width}, wide);
    lse = tensor({s.batch, s.queries(), s.queryHeads}, wide);
    segment = tensor({s.batch, s.positions}, "i64");
  }
};

/// Which forms of the kernels: with segments; with o, and the gradients, stored
/// as bf16.
struct Form {
  bool segments = false, narrow = false;
};

/// The end of a body that gives `values`, %o among others: all but lse, %l, in
/// bf16 if `narrow`.
std::string
yield(const std::vector<std::pair<std::string, std::string>> &values,
      bool narrow) {
  std::string converts, names, types;
  for (auto [name, type] : values) {
    if (narrow && name != "%l") {
      std::string half = type.substr(0, type.rfind('x') + 1) + "bf16>";
      converts += "  " + name + "n = pg.convert " + name + " : (" + type +
                  ") -> " + half + "\n";
      name += "n";
      type = half;
    }
    names += (names.empty() ? "" : ", ") + name;
    types += (types.empty() ? "" : ", ") + type;
  }
  return converts + "  sched.yield " + names + " : " + types + "\n}\n";
}

std::string forward(int number, const Shape &shape, const std::string &element,
                    Form form) {
  bool segments = form.segments;
  Types t(shape, element);
  return "sched.kernel @attention" + std::to_string(number) + "(%q: " + t.q +
         ", %k: " + t.kv + ", %v: " + t.kv +
         (segments ? ", %s: " + t.segment : "") +
         ") attributes {kind = \"attention\", result_modes = [\"store\", "
         "\"store\"]} {\n"
         "  %o, %l = pg.attention %q, %k, %v" +
         (segments ? " segment %s" : "") + " : (" + t.q + ", " + t.kv + ", " +
         t.kv + (segments ? ", " + t.segment : "") + ") -> (" + t.sum + ", " +
         t.lse + ")\n" + yield({{"%o", t.sum}, {"%l", t.lse}}, form.narrow);
}

std::string backward(int number, const Shape &shape, const std::string &element,
                     Form form) {
  bool segments = form.segments;
  Types t(shape, element);
  std::string o = form.narrow ? t.q : t.sum;
  return "sched.kernel @gradient" + std::to_string(number) + "(%q: " + t.q +
         ", %k: " + t.kv + ", %v: " + t.kv + ", %s: " + t.segment +
         ", %o: " + o + ", %l: " + t.lse + ", %g: " + t.q +
         ") attributes {kind = \"attention_grad\", result_modes = [\"store\", "
         "\"store\", \"store\"]} {\n"
         "  %dq, %dk, %dv = pg.attention_grad %q, %k, %v, %o, %l, %g" +
         (segments ? " segment %s" : "") + " : (" + t.q + ", " + t.kv + ", " +
         t.kv + ", " + o + ", " + t.lse + ", " + t.q +
         (segments ? ", " + t.segment : "") + ") -> (" + t.sum + ", " +
         t.kvSum + ", " + t.kvSum + ")\n" +
         yield({{"%dq", t.sum}, {"%dk", t.kvSum}, {"%dv", t.kvSum}},
               form.narrow);
}

/// The logarithm of the summed exponentials of the scores, which the gradient
/// is given.
Tensor logSums(const Tensor &q, const Tensor &k, const Tensor *segment) {
  int64_t T = q.shape[1], H = q.shape[2], D = q.shape[3], K = k.shape[2];
  Tensor lse({q.shape[0], T, H});
  for (int64_t row = 0; row < lse.size(); ++row) {
    int64_t h = row % H, t = row / H % T, b = row / H / T;
    double top = -INFINITY, sum = 0;
    std::vector<double> scores;
    for (int64_t s = 0; s <= t; ++s) {
      if (segment && segment->data[b * T + s] != segment->data[b * T + t])
        continue;
      double dot = 0;
      for (int64_t d = 0; d < D; ++d)
        dot += q.data[row * D + d] *
               k.data[((b * T + s) * K + h / (H / K)) * D + d];
      scores.push_back(dot / std::sqrt(static_cast<double>(D)));
      top = std::max(top, scores.back());
    }
    for (double x : scores)
      sum += std::exp(x - top);
    lse.data[row] = top + std::log(sum);
  }
  return lse;
}

/// What the forward pass is held to: the output, and lse, which stays float32
/// where operands are bf16.
KernelCheck getForwardCheck(llvm::StringRef element) {
  KernelCheck check;
  check.tolerance = element == "f64" ? 1e-11 : element == "f32" ? 4e-5 : 2e-2;
  check.tolerances = {check.tolerance, std::min(check.tolerance, 1e-5)};
  check.high = 3;
  return check;
}

/// Forward and backward of all shapes, in two modules.
std::string checkBoth(const std::vector<Shape> &shapes,
                      const std::string &element, Form form = {},
                      double deviation = 1) {
  KernelCheck check = getForwardCheck(element);
  check.deviation = deviation;
  std::string there, back;
  for (auto [i, shape] : llvm::enumerate(shapes)) {
    there += forward(i, shape, element, form);
    back += backward(i, shape, element, form);
  }
  if (std::string wrong = checkOnTargets(there, check); !wrong.empty())
    return wrong;
  check.tolerances.clear();
  Tensor q, k, segment;
  check.edit = [&](unsigned operand, Tensor &value) {
    if (element == "bf16" &&
        (operand < 2 || operand == 6 || (form.narrow && operand == 4)))
      for (double &x : value.data)
        x = roundToBf16(x);
    Tensor *kept[] = {&q, &k, nullptr, &segment};
    if (operand < 4 && kept[operand])
      *kept[operand] = value;
    if (operand == 5)
      value = logSums(q, k, form.segments ? &segment : nullptr);
  };
  return checkOnTargets(back, check);
}

const std::vector<Shape> shapes = {
    {1, 1, 1, 1, 16},   {2, 37, 3, 1, 16},  {1, 130, 4, 2, 17}, {2, 5, 2, 2, 1},
    {1, 200, 1, 1, 64}, {1, 150, 11, 1, 8}, {1, 20, 20, 2, 128}};

TEST(AttentionKernel, F32) { EXPECT_EQ("", checkBoth(shapes, "f32")); }
TEST(AttentionKernel, F64) {
  EXPECT_EQ("", checkBoth({{1, 1, 1, 1, 16}, {1, 117, 4, 2, 20}}, "f64"));
}
TEST(AttentionKernel, Bf16) { EXPECT_EQ("", checkBoth(shapes, "bf16")); }

TEST(AttentionKernel, Bf16Results) {
  EXPECT_EQ(
      "", checkBoth({{2, 37, 3, 1, 16}, {1, 130, 4, 2, 17}, {1, 70, 2, 1, 64}},
                    "bf16", {.narrow = true}));
}

TEST(AttentionKernel, Segments) {
  EXPECT_EQ("", checkBoth({{2, 101, 4, 2, 16}}, "f32", {.segments = true}));
  EXPECT_EQ("", checkBoth({{1, 51, 4, 2, 16}}, "f64", {.segments = true}));
  EXPECT_EQ("", checkBoth({{1, 101, 2, 1, 33}}, "bf16", {.segments = true}));
}

// The gradient of the scores is P (dP - delta), where delta, the sum of do
// times o, is float32. Each position sees itself alone here, so P is 1, and o
// is so near to v that nearly all of dP cancels: an error in delta of 1e-5 of
// its terms' size would be a tenth of dq, or more.
TEST(AttentionKernel, GradientsSubtractDeltaInFloat32) {
  for (const Shape &shape : {Shape{2, 37, 3, 1, 64}, Shape{1, 130, 2, 2, 17}}) {
    Tensor q, k, v;
    KernelCheck check{.tolerance = 2e-2};
    check.edit = [&](unsigned operand, Tensor &value) {
      Tensor *kept[] = {&q, &k, &v};
      if (operand < 3) {
        for (double &x : value.data)
          x = roundToBf16(x);
        *kept[operand] = value;
      }
      int64_t T = shape.positions, H = shape.queryHeads, K = shape.keyHeads,
              D = shape.width;
      if (operand == 3)
        for (int64_t i = 0; i < value.size(); ++i)
          value.data[i] = static_cast<double>(i % T);
      if (operand == 4)
        for (int64_t i = 0; i < value.size(); ++i)
          value.data[i] =
              v.data[(i / D / H * K + i / D % H / (H / K)) * D + i % D] +
              1e-4 * value.data[i];
      if (operand == 5)
        for (int64_t row = 0; row < value.size(); ++row) {
          double dot = 0;
          for (int64_t d = 0; d < D; ++d)
            dot += q.data[row * D + d] *
                   k.data[(row / H * K + row % H / (H / K)) * D + d];
          value.data[row] = dot / std::sqrt(static_cast<double>(D));
        }
    };
    EXPECT_EQ("", checkOnTargets(backward(0, shape, "bf16", {.segments = true}),
                                 check));
  }
}

TEST(AttentionKernel, LargeScores) {
  EXPECT_EQ("", checkBoth({{1, 101, 4, 2, 16}}, "f64", {}, 8));
  KernelCheck check{.tolerances = {2e-4, 1e-5}, .deviation = 12};
  EXPECT_EQ("",
            checkOnTargets(forward(0, {1, 101, 4, 2, 16}, "f32", {}), check));
}

TEST(AttentionKernel, QueriesOfTheLastPositions) {
  for (bool segments : {false, true})
    for (const char *element : {"f32", "f64", "bf16"}) {
      std::string text;
      int number = 0;
      for (const Shape &shape :
           {Shape{1, 2, 1, 1, 4, 1}, Shape{2, 37, 4, 2, 20, 5},
            Shape{2, 130, 2, 1, 16, 64}, Shape{1, 100, 3, 3, 24, 99},
            Shape{3, 17, 4, 4, 8, 16}})
        text += forward(number++, shape, element, {.segments = segments});
      EXPECT_EQ(checkOnTargets(text, getForwardCheck(element)), "") << element;
    }
}

} // namespace
