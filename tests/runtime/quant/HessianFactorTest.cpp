#include "runtime/quant/HessianFactor.h"

#include "runtime/support/Error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace pgrt;

namespace {

template <typename T>
HessianFactor factorOf(const std::vector<T> &hessian, int64_t columns,
                       double damp = 0) {
  return HessianFactor(hessian, columns, damp, "'a.w'");
}

TEST(HessianFactor, IsTheCholeskyFactorByRisingDiagonal) {
  // Columns 1, 2, 0: [[4, 2, 6], [2, 10, 15], [6, 15, 45]].
  HessianFactor factor = factorOf<double>({45, 6, 15, 6, 4, 2, 15, 2, 10}, 3);
  EXPECT_EQ(factor.index(0), 1);
  EXPECT_EQ(factor.index(1), 2);
  EXPECT_EQ(factor.index(2), 0);
  const double expected[3][3] = {{2}, {1, 3}, {3, 4, std::sqrt(20)}};
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t j = 0; j <= i; ++j)
      EXPECT_DOUBLE_EQ(factor.row(i)[j], expected[i][j]) << i << ", " << j;
}

TEST(HessianFactor, EqualDiagonalsGoByFallingIndex) {
  HessianFactor factor = factorOf<float>({2, 0, 0, 2}, 2);
  EXPECT_EQ(factor.index(0), 1);
  EXPECT_EQ(factor.index(1), 0);
}

TEST(HessianFactor, DeadColumnsGetOneBeforeTheDamping) {
  HessianFactor factor = factorOf<double>({0, 0, 0, 3}, 2, 0.5);
  EXPECT_TRUE(factor.isDead(0)); // 1 + 0.5 · mean(1, 3)
  EXPECT_FALSE(factor.isDead(1));
  EXPECT_DOUBLE_EQ(factor.row(0)[0], std::sqrt(2));
  EXPECT_DOUBLE_EQ(factor.row(1)[1], 2);
}

/// In float32 the last pivot would be lost.
TEST(HessianFactor, IsOfFloat64WhateverTheType) {
  const float almost = 1 - std::numeric_limits<float>::epsilon();
  HessianFactor factor = factorOf<float>({1, almost, almost, 1}, 2);
  const double exact = almost;
  EXPECT_FLOAT_EQ(factor.row(1)[1], float(std::sqrt(1 - exact * exact)));
}

void expectRefusal(const std::vector<float> &hessian, const char *why) {
  try {
    factorOf(hessian, 2, 0.01);
    FAIL() << "not refused";
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("the Hessian of 'a.w' is not"),
              std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find(why), std::string::npos)
        << error.what();
  }
}

TEST(HessianFactor, RefusesWhatIsNotFinite) {
  expectRefusal({NAN, 0, 0, 1}, "finite at column 0");
  expectRefusal({1, 0, 0, INFINITY}, "finite at column 1");
  expectRefusal({1, NAN, NAN, 1}, "positive definite");
  expectRefusal({1, INFINITY, INFINITY, 1}, "positive definite");
}

TEST(HessianFactor, RefusesWhatIsIndefinite) {
  expectRefusal({1, 5, 5, 1}, "positive definite");
  expectRefusal({1, 0, 0, -1}, "positive definite");
}

} // namespace
