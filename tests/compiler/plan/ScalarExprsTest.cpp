// Step values in a plan come to what their operations mean, as the runtime
// works them out.
#include "compiler/plan/ScalarExprs.h"
#include "dialects/pg/Pg.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "runtime/plan/Scalars.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;

namespace {

/// The step values of a function body, as a plan has them.
class ScalarExprsTest : public ::testing::Test {
protected:
  ScalarExprsTest() {
    context.loadDialect<pg::PgDialect, func::FuncDialect, arith::ArithDialect,
                        math::MathDialect>();
  }

  /// Converts what `body` returns; fails if an operation has no place in a
  /// plan.
  FailureOr<uint32_t> convert(StringRef body) {
    std::string text = ("func.func @f() -> f64 {\n" + body + "\n}").str();
    module = parseSourceString<ModuleOp>(text, &context);
    if (!module)
      return failure();
    auto function = *module->getOps<func::FuncOp>().begin();
    return pgc::ScalarExprs(plan).add(
        function.getBody().front().getTerminator()->getOperand(0));
  }

  double valueAt(StringRef body, int64_t step, double progress) {
    FailureOr<uint32_t> index = convert(body);
    EXPECT_TRUE(succeeded(index));
    return failed(index) ? NAN
                         : pgrt::evaluateScalars(plan, step, progress)[*index];
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  pgrt::plan::Plan plan;
};

TEST_F(ScalarExprsTest, StepAndProgress) {
  EXPECT_EQ(valueAt("%s = pg.step\nreturn %s : f64", 17, 0.25), 17);
  EXPECT_EQ(valueAt("%p = pg.progress\nreturn %p : f64", 17, 0.25), 0.25);
}

TEST_F(ScalarExprsTest, Schedule) {
  // The warm-down of language.md: 1, then a line to 0 over the last 0.72 of the
  // budget.
  StringRef body = R"(
    %p = pg.progress
    %one = arith.constant 1.0 : f64
    %from = arith.constant 0.28 : f64
    %length = arith.constant 0.72 : f64
    %left = arith.subf %one, %p : f64
    %line = arith.divf %left, %length : f64
    %before = arith.cmpf olt, %p, %from : f64
    %rate = arith.select %before, %one, %line : f64
    return %rate : f64)";
  EXPECT_EQ(valueAt(body, 0, 0.1), 1);
  EXPECT_DOUBLE_EQ(valueAt(body, 0, 0.64), 0.5);
}

TEST_F(ScalarExprsTest, Functions) {
  StringRef body = R"(
    %s = pg.step
    %half = arith.constant 0.5 : f64
    %a = math.sqrt %s : f64
    %b = math.exp %half : f64
    %c = math.powf %a, %b : f64
    %d = math.roundeven %c : f64
    %e = arith.minimumf %d, %s : f64
    %f = arith.negf %e : f64
    %g = math.floor %f : f64
    %h = math.absf %g : f64
    %i = math.cos %h : f64
    return %i : f64)";
  EXPECT_DOUBLE_EQ(valueAt(body, 9, 0),
                   std::cos(std::fabs(std::floor(-std::min(
                       std::nearbyint(std::pow(3, std::exp(0.5))), 9.0)))));
}

TEST_F(ScalarExprsTest, Conditions) {
  StringRef body = R"(
    %s = pg.step
    %p = pg.progress
    %c3 = arith.constant 3.0 : f64
    %c1 = arith.constant 0.5 : f64
    %a = arith.cmpf oge, %s, %c3 : f64
    %b = arith.cmpf oge, %p, %c1 : f64
    %true = arith.constant true
    %both = arith.andi %a, %b : i1
    %neither = arith.xori %both, %true : i1
    %r = arith.uitofp %neither : i1 to f64
    return %r : f64)";
  EXPECT_EQ(valueAt(body, 3, 0.5), 0);
  EXPECT_EQ(valueAt(body, 2, 0.5), 1);
  EXPECT_EQ(valueAt(body, 3, 0.4), 1);
}

TEST_F(ScalarExprsTest, EqualExpressionsAreOne) {
  ASSERT_TRUE(succeeded(convert(R"(
    %a = pg.step
    %b = pg.step
    %c = arith.addf %a, %b : f64
    %d = arith.addf %b, %a : f64
    %e = arith.mulf %c, %d : f64
    return %e : f64)")));
  EXPECT_EQ(plan.scalars_size(), 3); // step, sum, product
}

TEST_F(ScalarExprsTest, WhatAPlanCannotSay) {
  ScopedDiagnosticHandler quiet(&context,
                                [](Diagnostic &) { return success(); });
  EXPECT_TRUE(failed(
      convert("%s = pg.step\n%a = math.atan %s : f64\nreturn %a : f64")));
}

} // namespace
