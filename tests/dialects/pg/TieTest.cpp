// Gradients where the derivative jumps: the language's conventions.
#include "compiler/passes/Passes.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "tests/support/Interpreter.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace pgtest;

namespace {

/// The gradient of p = `values` in the sum of y; `body` makes %y, of `shape`,
/// of %p.
std::vector<double> gradientOf(std::vector<double> values,
                               const std::string &body,
                               const std::string &shape) {
  MLIRContext context;
  context.loadDialect<pg::PgDialect, func::FuncDialect>();
  std::string n = std::to_string(values.size());
  std::string text = "pg.variable @p : tensor<" + n +
                     "xf64> {space = \"parameter\"}\n"
                     "func.func @forward() -> (tensor<f64> {pg.name = "
                     "\"loss\"}) attributes {pg.role = \"forward\"} {\n"
                     "  %p = pg.load @p : tensor<" +
                     n +
                     "xf64>\n"
                     "  %zero = pg.constant dense<0.0> : tensor<f64>\n" +
                     body + "  %s = pg.reduce sum %y axes [0] : (tensor<" +
                     shape +
                     "xf64>) -> tensor<1xf64>\n"
                     "  %l = pg.reshape %s : (tensor<1xf64>) -> tensor<f64>\n"
                     "  return %l : tensor<f64>\n}\n";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  PassManager manager(&context);
  manager.addPass(pgc::createDifferentiate());
  manager.addPass(pgc::createDecompose());
  if (!module || failed(manager.run(*module)))
    return {};
  Interpreter interpreter;
  Tensor p({static_cast<int64_t>(values.size())});
  p.data = values;
  interpreter.variables["p"] = p;
  interpreter.run(module->lookupSymbol<func::FuncOp>("train").front(), {});
  return interpreter.variables["p:grad"].data;
}

using Numbers = std::vector<double>;

TEST(Ties, MaxAndMinGoToTheFirst) {
  EXPECT_EQ(gradientOf({0, -1, 1},
                       "  %y = pg.max %p, %zero : (tensor<3xf64>, tensor<f64>) "
                       "-> tensor<3xf64>\n",
                       "3"),
            (Numbers{1, 0, 1}));
  EXPECT_EQ(gradientOf({0, -1, 1},
                       "  %y = pg.max %zero, %p : (tensor<f64>, tensor<3xf64>) "
                       "-> tensor<3xf64>\n",
                       "3"),
            (Numbers{0, 0, 1}));
  EXPECT_EQ(gradientOf({0, -1, 1},
                       "  %y = pg.min %p, %zero : (tensor<3xf64>, tensor<f64>) "
                       "-> tensor<3xf64>\n",
                       "3"),
            (Numbers{1, 1, 0}));
}

TEST(Ties, ClampGoesInside) {
  EXPECT_EQ(gradientOf({-2, -1, 0, 1, 2},
                       "  %y = pg.clamp %p {lo = -1.0 : f64, hi = 1.0 : f64} : "
                       "(tensor<5xf64>) -> tensor<5xf64>\n",
                       "5"),
            (Numbers{0, 1, 1, 1, 0}));
}

TEST(Ties, MaximumOverAnAxisSharesEqually) {
  EXPECT_EQ(gradientOf({3, 1, 3, 3, 2},
                       "  %y = pg.reduce max %p axes [0] : (tensor<5xf64>) -> "
                       "tensor<1xf64>\n",
                       "1"),
            (Numbers{1.0 / 3, 0, 1.0 / 3, 1.0 / 3, 0}));
}

TEST(Ties, NothingAtZero) {
  for (std::string op : {"norm %p axes [0] : (tensor<2xf64>) -> tensor<1xf64>",
                         "std %p axes [0] : (tensor<2xf64>) -> tensor<1xf64>"})
    EXPECT_EQ(gradientOf({0, 0}, "  %y = pg." + op + "\n", "1"),
              (Numbers{0, 0}))
        << op;
  EXPECT_EQ(gradientOf({0, 0},
                       "  %y = pg.abs %p : (tensor<2xf64>) -> tensor<2xf64>\n",
                       "2"),
            (Numbers{0, 0}));
}

TEST(Ties, SmallVectorsAreDividedByTheFloor) {
  EXPECT_EQ(
      gradientOf({0, 0},
                 "  %y = pg.normalize %p : (tensor<2xf64>) -> tensor<2xf64>\n",
                 "2"),
      (Numbers{1 / 1e-12, 1 / 1e-12}));
}

TEST(Ties, LeakyReluTakesItsSlopeAtZero) {
  EXPECT_EQ(gradientOf({0, 1},
                       "  %y = pg.leaky_relu %p {slope = 0.5 : f64} : "
                       "(tensor<2xf64>) -> tensor<2xf64>\n",
                       "2"),
            (Numbers{0.5, 1}));
}

TEST(Ties, PowersOfZero) {
  EXPECT_EQ(gradientOf({0, 2},
                       "  %two = pg.constant dense<2.0> : tensor<f64>\n"
                       "  %y = pg.pow %p, %two : (tensor<2xf64>, tensor<f64>) "
                       "-> tensor<2xf64>\n",
                       "2"),
            (Numbers{0, 4}));
  EXPECT_EQ(gradientOf({0, 2},
                       "  %y = pg.pow %p, %zero : (tensor<2xf64>, tensor<f64>) "
                       "-> tensor<2xf64>\n",
                       "2"),
            (Numbers{0, 0}));
}

} // namespace
