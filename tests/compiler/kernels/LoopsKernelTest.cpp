// Kernels of kinds loops, embed and embed_grad against the interpreter.
#include "tests/support/KernelRunner.h"
#include <gtest/gtest.h>

using namespace pgtest;

namespace {

/// A kernel of one operation: `op` is its text, with operands named %0, %1, ...
std::string single(const std::string &kind,
                   const std::vector<std::string> &operands,
                   const std::string &op, const std::string &result,
                   const std::string &mode = "store") {
  std::string text = "sched.kernel @k(", types;
  for (size_t i = 0; i < operands.size(); ++i) {
    text += (i ? ", %x" : "%x") + std::to_string(i) + ": tensor<" +
            operands[i] + ">";
    types += (i ? ", tensor<" : "tensor<") + operands[i] + ">";
  }
  return text + ") attributes {kind = \"" + kind + "\", result_modes = [\"" +
         mode + "\"]} {\n  %y = " + op + " : (" + types + ") -> tensor<" +
         result + ">\n  sched.yield %y : tensor<" + result + ">\n}";
}

std::string check(const std::string &text, const KernelCheck &options = {}) {
  std::string wrong = checkKernels(text, options);
  return wrong.empty() ? "" : wrong + "\n" + text;
}

TEST(LoopsKernel, MovesAndSums) {
  EXPECT_EQ("", check(single("loops", {"3x5x7xf32"},
                             "pg.reduce sum %x0 axes [0, 2]", "1x5x1xf32")));
  EXPECT_EQ("", check(single("loops", {"3x5x7xf32"},
                             "pg.reduce max %x0 axes [1]", "3x1x7xf32")));
  EXPECT_EQ("", check(single("loops", {"90x130xf32"},
                             "pg.reduce sum %x0 axes [0, 1]", "1x1xf32"),
                      {.tolerance = 1e-4}));
  EXPECT_EQ(
      "", check(single("loops", {"3x5x7xf64"},
                       "pg.transpose %x0 permutation [2, 0, 1]", "7x3x5xf64")));
  EXPECT_EQ("", check(single("loops", {"2x70x3x9xbf16"},
                             "pg.transpose %x0 permutation [0, 2, 1, 3]",
                             "2x3x70x9xbf16")));
  EXPECT_EQ("", check(single("loops", {"3x5x70xf32"},
                             "pg.shift %x0 axis 1 by 2", "3x5x70xf32")));
  EXPECT_EQ("", check(single("loops", {"3x5x70xf32"},
                             "pg.shift %x0 axis 2 by -3", "3x5x70xf32")));
  EXPECT_EQ("", check(single("loops", {"3x5x7xf32"}, "pg.shift %x0 axis 0 by 1",
                             "3x5x7xf32")));
  EXPECT_EQ("", check(single("loops", {"3x5x7xf32"},
                             "pg.pad %x0 low [1, 0, 2] high [0, 2, 70]",
                             "4x7x79xf32")));
  EXPECT_EQ("", check(single("loops", {"3x5x7xi64"},
                             "pg.slice %x0 offsets [1, 2, 3] sizes [2, 3, 2]",
                             "2x3x2xi64")));
  EXPECT_EQ("", check(single("loops", {"5x1xf32"}, "pg.broadcast %x0",
                             "3x5x70xf32")));
  EXPECT_EQ(
      "", check(single("loops", {"6x20xf32"}, "pg.reshape %x0", "4x5x6xf32")));
  EXPECT_EQ("", check(single("loops", {"2x3x5xf32", "3x5xf32"},
                             "pg.sub %x0, %x1", "2x3x5xf32", "accumulate")));
  EXPECT_EQ("", check(single("loops", {"2x9xf32", "2xi64"}, "pg.pick %x0, %x1",
                             "2x1xf32"),
                      {.low = -1, .high = 11}));
  EXPECT_EQ("", check(single("loops", {"2x70x9xf32", "2x70xi64"},
                             "pg.pick %x0, %x1", "2x70x1xf32"),
                      {.low = -1, .high = 11}));
}

TEST(LoopsKernel, RunningSumsAndQuantiles) {
  EXPECT_EQ("", check(single("loops", {"3x5x7xf32"}, "pg.cumsum %x0 axis 1",
                             "3x5x7xf32")));
  EXPECT_EQ("", check(single("loops", {"3x5x7xf32"},
                             "pg.cumsum %x0 axis 2 reverse", "3x5x7xf32")));
  EXPECT_EQ("",
            check(single("loops", {"9xi64"}, "pg.cumsum %x0 axis 0", "9xi64")));
  EXPECT_EQ("", check(single("loops", {"3x11xf32"},
                             "pg.quantile %x0 {axis = 1 : i64, q = 0.33 : f64}",
                             "3x1xf32")));
  EXPECT_EQ("", check(single("loops", {"11x2xf64"},
                             "pg.quantile %x0 {axis = 0 : i64, q = 1.0 : f64}",
                             "1x2xf64")));
  // Many rows, in several chunks; one element; a place on an element; ties.
  EXPECT_EQ("",
            check(single("loops", {"70x33xf32"},
                         "pg.quantile %x0 {axis = 1 : i64, q = 0.999 : f64}",
                         "70x1xf32")));
  EXPECT_EQ("", check(single("loops", {"3x1x4xf64"},
                             "pg.quantile %x0 {axis = 1 : i64, q = 0.5 : f64}",
                             "3x1x4xf64")));
  EXPECT_EQ("", check(single("loops", {"3x5x4xf64"},
                             "pg.quantile %x0 {axis = 1 : i64, q = 0.25 : f64}",
                             "3x1x4xf64")));
  for (double mean : {-1.5, 0.0, 2.5})
    EXPECT_EQ("",
              check(single("loops", {"3x7xf32"},
                           "pg.quantile %x0 {axis = 1 : i64, q = 0.4 : f64}",
                           "3x1xf32"),
                    {.deviation = 0, .mean = mean}));
  auto repeat = [](unsigned, Tensor &x) {
    for (double &value : x.data)
      value = std::nearbyint(value);
  };
  EXPECT_EQ("", check(single("loops", {"40x9xf32"},
                             "pg.quantile %x0 {axis = 1 : i64, q = 0.7 : f64}",
                             "40x1xf32"),
                      {.edit = repeat}));
}

TEST(LoopsKernel, Products) {
  EXPECT_EQ("", check(single("loops", {"3x5x7xf32", "9x7xf32"},
                             "pg.linear %x0, %x1", "3x5x9xf32")));
  EXPECT_EQ("", check(single("loops", {"30x50xf64", "90x50xf64"},
                             "pg.linear %x0, %x1", "30x90xf64")));
  EXPECT_EQ("", check(single("loops", {"3x5x7xbf16", "9x7xbf16"},
                             "pg.linear %x0, %x1", "3x5x9xf32", "accumulate")));
  EXPECT_EQ("", check(single("loops", {"2x1x5x7xf32", "3x7x4xf32"},
                             "pg.matmul %x0, %x1", "2x3x5x4xf32")));
  EXPECT_EQ("", check(single("loops", {"7x5xf32", "4x7xf32"},
                             "pg.matmul %x0, %x1 {transpose_a, transpose_b}",
                             "5x4xf32")));
  EXPECT_EQ("", check(single("loops", {"21x9xf32"},
                             "pg.pack nk %x0 {panel = 8 : i64}", "3x9x8xf32")));
  EXPECT_EQ("",
            check(single("loops", {"9x21xbf16"},
                         "pg.pack kn %x0 {panel = 16 : i64, group = 2 : i64}",
                         "2x5x16x2xbf16")));
  EXPECT_EQ("", check(single("loops", {"5x9xf32", "3x9x8xf32"},
                             "pg.packed_matmul %x0, %x1 {n = 21 : i64}",
                             "5x21xf32")));
}

TEST(EmbedKernel, LooksUpAndSums) {
  KernelCheck ids{.low = -1, .high = 12};
  for (std::string n : {"1", "3", "48", "65", "200"}) {
    EXPECT_EQ("", check(single("embed", {"11x" + n + "xf32", "2x9xi64"},
                               "pg.embed %x0, %x1", "2x9x" + n + "xf32"),
                        ids));
    EXPECT_EQ("", check(single("embed", {"11x" + n + "xbf16", "9xi64"},
                               "pg.embed %x0, %x1", "9x" + n + "xbf16"),
                        ids));
    for (std::string mode : {"store", "accumulate"})
      for (std::string kind : {"embed_grad", "loops"})
        EXPECT_EQ("", check(single(kind, {"2x9x" + n + "xf32", "2x9xi64"},
                                   "pg.embed_grad %x0, %x1 {rows = 11 : i64}",
                                   "11x" + n + "xf32", mode),
                            ids));
  }
}

TEST(EmbedKernel, FusesWithWhatFollows) {
  EXPECT_EQ("", checkKernels(R"(
sched.kernel @embed(%w: tensor<11x40xf32>, %ids: tensor<2x9xi64>) attributes {kind = "embed", outer = 2, result_modes = ["store"]} {
  %x = pg.embed %w, %ids : (tensor<11x40xf32>, tensor<2x9xi64>) -> tensor<2x9x40xf32>
  %q = pg.mul %x, %x : (tensor<2x9x40xf32>, tensor<2x9x40xf32>) -> tensor<2x9x40xf32>
  %s = pg.reduce sum %q axes [2] : (tensor<2x9x40xf32>) -> tensor<2x9x1xf32>
  %r = pg.rsqrt %s : (tensor<2x9x1xf32>) -> tensor<2x9x1xf32>
  %y = pg.mul %x, %r : (tensor<2x9x40xf32>, tensor<2x9x1xf32>) -> tensor<2x9x40xf32>
  sched.yield %y : tensor<2x9x40xf32>
})",
                             {.high = 11}));
}

} // namespace
