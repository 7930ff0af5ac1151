#include "runtime/entry/Statistics.h"

#include <cmath>
#include <gtest/gtest.h>
#include <numbers>

namespace pgrt {

TEST(Statistics, MeanAndDeviation) {
  EXPECT_DOUBLE_EQ(meanOf({1, 2, 6}), 3);
  EXPECT_DOUBLE_EQ(deviationOf({1, 2, 6}), std::sqrt(7.0));
  EXPECT_EQ(deviationOf({5}), 0);
}

TEST(Statistics, StudentsDistribution) {
  // Closed forms: one degree of freedom, 1/2 + atan(t)/π; two, 1/2 + t / (2
  // √(2 + t²)).
  for (double t : {-30.0, -3.0, -0.5, 0.0, 0.1, 1.0, 7.0}) {
    EXPECT_NEAR(studentCdf(t, 1), 0.5 + std::atan(t) / std::numbers::pi, 1e-13);
    EXPECT_NEAR(studentCdf(t, 2), 0.5 + t / (2 * std::sqrt(2 + t * t)), 1e-13);
  }
  // From tables: P(T ≤ 2.015) = 0.95 with 5, P(T ≤ −2.821) = 0.01 with 9.
  EXPECT_NEAR(studentCdf(2.015048, 5), 0.95, 1e-6);
  EXPECT_NEAR(studentCdf(-2.821438, 9), 0.01, 1e-6);
  EXPECT_NEAR(studentCdf(1.0, 1e6), 0.841344746, 1e-6);
}

TEST(Statistics, TestsWhetherTheMeanIsBelow) {
  TTest test = testBelow({1.0, 1.1, 1.2}, 1.4);
  EXPECT_NEAR(test.t, -0.3 / (0.1 / std::sqrt(3.0)), 1e-12);
  EXPECT_NEAR(test.p, studentCdf(test.t, 2), 1e-15);
  EXPECT_LT(test.p, 0.05);
  EXPECT_GT(testBelow({1.0, 1.1, 1.2}, 1.0).p, 0.5);
  EXPECT_EQ(testBelow({1.0, 1.0, 1.0}, 1.1).p, 0);
  EXPECT_EQ(testBelow({1.0, 1.0, 1.0}, 1.0).p, 1);
  EXPECT_EQ(testBelow({1.0}, 2.0).p, 1);
}

} // namespace pgrt
