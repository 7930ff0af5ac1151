// Elementary functions of emitted code against the C library's in double.
#include "tests/support/KernelRunner.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace pgtest;

namespace {

std::string unary(const std::string &op, const std::string &type) {
  return "sched.kernel @f(%x: tensor<1x1003x" + type +
         ">) attributes {kind = \"rows\", outer = 1, result_modes = "
         "[\"store\"]} {\n" +
         "  %y = pg." + op + " %x : (tensor<1x1003x" + type +
         ">) -> tensor<1x1003x" + type + ">\n" +
         "  sched.yield %y : tensor<1x1003x" + type + ">\n}";
}

/// Checks an operation on 1003 numbers from low to high.
std::string checkOn(const std::string &op, double low, double high,
                    double tolerance, const std::string &type = "f32") {
  KernelCheck check;
  check.tolerance = tolerance;
  check.edit = [=](unsigned, Tensor &x) {
    for (int64_t i = 0; i < x.size(); ++i)
      x.data[i] = low + (high - low) * static_cast<double>(i) /
                            static_cast<double>(x.size() - 1);
  };
  return checkKernels(unary(op, type), check);
}

TEST(Harness, NoticesErrors) {
  EXPECT_NE("", checkOn("exp", 1, 2, 1e-9));
  EXPECT_NE("", checkKernels("sched.kernel @f() attributes {kind = \"rows\", "
                             "result_modes = []} {"));
}

TEST(Math, FunctionsInF32) {
  constexpr double ulp = 1.2e-7;
  // Errors are relative to the largest result: small ranges show them near the
  // result's own size.
  for (double x = -100; x < 88; x += 4)
    EXPECT_EQ("", checkOn("exp", x, x + 0.7, x < -87 ? 1e-2 : 2 * ulp)) << x;
  for (double x = 1e-37; x < 1e37; x *= 10)
    EXPECT_EQ("", checkOn("log", x, x * 1.5, 2 * ulp)) << x;
  EXPECT_EQ("", checkOn("log", 0.99, 1.01, 2 * ulp));
  EXPECT_EQ("", checkOn("log", 0.99999, 1.00001, 2 * ulp));
  for (double x :
       {1e-20, 1e-6, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.7, 1.0, 2.0, 5.0, 9.0, 30.0})
    for (double sign : {-1, 1})
      EXPECT_EQ("", checkOn("tanh", sign * x, sign * x * 1.3, 3 * ulp)) << x;
  for (double x : {-80.0, -20.0, -5.0, -1.0, 0.0, 3.0, 50.0})
    EXPECT_EQ("", checkOn("sigmoid", x, x + 0.5, 3 * ulp)) << x;
  for (double x : {0.0, 1.0, 100.0, 20000.0})
    for (const char *op : {"cos", "sin"})
      EXPECT_EQ("", checkOn(op, x, x + 7, ulp)) << op << x;
  for (const char *op : {"sqrt", "rsqrt"})
    EXPECT_EQ("", checkOn(op, 0.1, 30, ulp)) << op;
  for (const char *op :
       {"floor", "round", "abs", "neg", "stop_gradient", "f32"})
    EXPECT_EQ("", checkOn(op, -5, 5.02, 0)) << op;
}

TEST(Math, FunctionsInF64) {
  for (const char *op :
       {"exp", "tanh", "sigmoid", "cos", "sin", "floor", "round", "abs", "neg"})
    EXPECT_EQ("", checkOn(op, -5, 5, 1e-15, "f64")) << op;
  for (const char *op : {"log", "sqrt", "rsqrt"})
    EXPECT_EQ("", checkOn(op, 1, 50, 1e-15, "f64")) << op;
}

/// Everywhere on float16's grid: among its subnormals, at every half way, where
/// the exponent changes, at its end.
TEST(Math, RoundsToFloat16) {
  for (const char *type : {"f32", "f64"})
    for (double sign : {-1, 1})
      for (auto [low, high] :
           {std::pair(0.0, 1002 * 0x1p-26),
            {0x1p-15, 0x1p-15 + 1002 * 0x1p-25},
            {0x1p-14 - 500 * 0x1p-25, 0x1p-14 + 502 * 0x1p-25},
            {1.0, 1 + 1002 * 0x1p-12},
            {1.9, 2.1},
            {0.3, 700.0},
            {65000.0, 66000.0},
            {1e-12, 1e-7},
            {1e5, 1e30}})
        EXPECT_EQ("", checkOn("round_f16", sign * low, sign * high, 0, type))
            << type << " " << low;
}

TEST(Math, Extremes) {
  KernelCheck check;
  check.edit = [](unsigned, Tensor &x) {
    const double specials[] = {0,   -0.0, 1e-45,    -1e-45,    1e-40, 88.8,  89,
                               200, -88,  -104,     -200,      3e38,  -3e38, 1,
                               -1,  0.5,  INFINITY, -INFINITY, NAN};
    for (int64_t i = 0; i < x.size(); ++i)
      x.data[i] = specials[i % std::size(specials)];
  };
  for (const char *op :
       {"exp", "log", "tanh", "sigmoid", "sqrt", "floor", "abs", "round_f16"})
    EXPECT_EQ("", checkKernels(unary(op, "f32"), check)) << op;
}

TEST(Math, TwoOperands) {
  for (std::string type : {"f32", "f64"})
    for (std::string op :
         {"add", "sub", "mul", "div", "max", "min", "pow", "mod", "floordiv"}) {
      std::string t = "tensor<3x65x" + type + ">";
      KernelCheck check;
      check.edit = [=](unsigned operand, Tensor &x) {
        for (double &value : x.data)
          value = op == "pow" && operand == 0
                      ? std::fabs(value) + 0.01
                      : value + (value < 0 ? -0.1 : 0.1);
      };
      EXPECT_EQ("",
                checkKernels("sched.kernel @f(%a: " + t + ", %b: " + t +
                                 ") attributes {kind = \"rows\", outer = 1, "
                                 "result_modes = [\"store\"]} {\n  %y = pg." +
                                 op + " %a, %b : (" + t + ", " + t + ") -> " +
                                 t + "\n  sched.yield %y : " + t + "\n}",
                             check))
          << op << " " << type;
    }
}

} // namespace
