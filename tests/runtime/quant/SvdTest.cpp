#include "runtime/quant/Svd.h"

#include "runtime/support/Error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace pgrt;

namespace {

std::vector<double> draw(int64_t rows, int64_t columns) {
  std::mt19937 random(unsigned(rows * 100 + columns));
  std::normal_distribution<double> normal;
  std::vector<double> matrix(rows * columns);
  for (double &value : matrix)
    value = normal(random);
  return matrix;
}

/// All singular values give the matrix back; factors are orthonormal, and of
/// the stated sign.
TEST(Svd, FactorsOfAllShapes) {
  for (auto [rows, columns] :
       {std::pair<int64_t, int64_t>{7, 4}, {4, 7}, {5, 5}, {1, 6}, {6, 1}}) {
    std::vector<double> matrix = draw(rows, columns);
    int64_t rank = std::min(rows, columns);
    Svd svd = singularValues(matrix, rows, columns, rank, "a test");
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < rank; ++k)
          sum += svd.u[i * rank + k] * svd.s[k] * svd.v[k * columns + j];
        EXPECT_NEAR(sum, matrix[i * columns + j], 1e-12);
      }
    for (int64_t k = 0; k < rank; ++k) {
      EXPECT_GE(svd.s[k], k + 1 < rank ? svd.s[k + 1] : 0);
      double largest = 0;
      for (int64_t i = 0; i < rows; ++i)
        if (std::fabs(svd.u[i * rank + k]) > std::fabs(largest))
          largest = svd.u[i * rank + k];
      EXPECT_GT(largest, 0);
      for (int64_t l = 0; l < rank; ++l) {
        double u = 0, v = 0;
        for (int64_t i = 0; i < rows; ++i)
          u += svd.u[i * rank + k] * svd.u[i * rank + l];
        for (int64_t j = 0; j < columns; ++j)
          v += svd.v[k * columns + j] * svd.v[l * columns + j];
        EXPECT_NEAR(u, k == l, 1e-12);
        EXPECT_NEAR(v, k == l, 1e-12);
      }
    }
  }
}

/// A few of them are the first of all, and the error is what is left out.
TEST(Svd, LeavesTheSmallestOut) {
  std::vector<double> matrix = draw(9, 6);
  Svd all = singularValues(matrix, 9, 6, 6, "a test"),
      some = singularValues(matrix, 9, 6, 2, "a test");
  double error = 0, left = 0;
  for (int64_t i = 0; i < 9; ++i)
    for (int64_t j = 0; j < 6; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < 2; ++k)
        sum += some.u[i * 2 + k] * some.s[k] * some.v[k * 6 + j];
      error += std::pow(matrix[i * 6 + j] - sum, 2);
    }
  for (int64_t k = 2; k < 6; ++k)
    left += all.s[k] * all.s[k];
  EXPECT_NEAR(error, left, 1e-10);
  EXPECT_EQ(some.s[1], all.s[1]);
}

TEST(Svd, RefusesWhatIsNotFinite) {
  std::vector<double> matrix = draw(3, 3);
  matrix[4] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(singularValues(matrix, 3, 3, 1, "a test"), Error);
}

} // namespace
