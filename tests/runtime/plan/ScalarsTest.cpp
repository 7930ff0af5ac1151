#include "runtime/plan/Scalars.h"

#include <cmath>
#include <gtest/gtest.h>

namespace pgrt {

using Expr = plan::ScalarExpr;

static double valueOf(Expr::Op op, std::vector<double> args, int64_t step = 0,
                      double progress = 0) {
  plan::Plan plan;
  for (double arg : args)
    plan.add_scalars()->set_value(arg);
  Expr *expr = plan.add_scalars();
  expr->set_op(op);
  for (size_t i = 0; i < args.size(); ++i)
    expr->add_args(uint32_t(i));
  return evaluateScalars(plan, step, progress).back();
}

TEST(Scalars, Operations) {
  EXPECT_EQ(valueOf(Expr::STEP, {}, 12, 0.5), 12);
  EXPECT_EQ(valueOf(Expr::PROGRESS, {}, 12, 0.5), 0.5);
  EXPECT_EQ(valueOf(Expr::SUB, {5, 7}), -2);
  EXPECT_EQ(valueOf(Expr::DIV, {1, 4}), 0.25);
  EXPECT_EQ(valueOf(Expr::FLOORDIV, {-7, 2}), -4);
  EXPECT_EQ(valueOf(Expr::MOD, {-7, 3}), 2);
  EXPECT_EQ(valueOf(Expr::MOD, {7, -3}), -2);
  EXPECT_EQ(valueOf(Expr::POW, {2, 10}), 1024);
  EXPECT_EQ(valueOf(Expr::MIN, {3, 2}), 2);
  EXPECT_EQ(valueOf(Expr::MAX, {3, 2}), 3);
  EXPECT_EQ(valueOf(Expr::ROUND, {2.5}), 2);
  EXPECT_EQ(valueOf(Expr::ROUND, {3.5}), 4);
  EXPECT_EQ(valueOf(Expr::FLOOR, {-0.5}), -1);
  EXPECT_EQ(valueOf(Expr::TRUNC, {-1.5}), -1);
  EXPECT_EQ(valueOf(Expr::RSQRT, {4}), 0.5);
  EXPECT_DOUBLE_EQ(valueOf(Expr::SIGMOID, {0}), 0.5);
  EXPECT_DOUBLE_EQ(valueOf(Expr::COS, {M_PI}), -1);
  EXPECT_EQ(valueOf(Expr::LE, {1, 1}), 1);
  EXPECT_EQ(valueOf(Expr::LT, {1, 1}), 0);
  EXPECT_EQ(valueOf(Expr::AND, {2, 0}), 0);
  EXPECT_EQ(valueOf(Expr::OR, {2, 0}), 1);
  EXPECT_EQ(valueOf(Expr::NOT, {2}), 0);
  EXPECT_EQ(valueOf(Expr::SELECT, {1, 8, 9}), 8);
  EXPECT_EQ(valueOf(Expr::SELECT, {0, 8, 9}), 9);
}

TEST(Scalars, EveryOperationHasAnArity) {
  for (int op = Expr::Op_MIN; op <= Expr::Op_MAX; ++op)
    EXPECT_GE(scalarArity(Expr::Op(op)), 0) << op;
  EXPECT_LT(scalarArity(Expr::Op(1000)), 0);
}

} // namespace pgrt
