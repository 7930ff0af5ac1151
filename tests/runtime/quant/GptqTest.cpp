#include "runtime/quant/Gptq.h"

#include "runtime/support/Error.h"
#include "runtime/support/Safetensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace pgrt;

namespace {

std::vector<float> readAll(const SafetensorsFile &file,
                           const std::string &name) {
  const TensorInfo *info = file.find(name);
  EXPECT_NE(info, nullptr) << name;
  std::vector<float> values(info->elements());
  file.read(*info, values.data());
  return values;
}

/// The golden case: every code, for three shapes, three kinds of scale, one
/// dead column.
TEST(Gptq, AgreesWithTheGoldenCodes) {
  SafetensorsFile file(GOLDEN "/gptq/expected.safetensors");
  for (std::string matrix : {"0", "1", "2"}) {
    std::vector<float> weights = readAll(file, matrix + ".w"),
                       hessian = readAll(file, matrix + ".h");
    const TensorInfo &shape = *file.find(matrix + ".w");
    for (auto [kind, bits] :
         {std::pair{"sdclip6", 6}, {"sdclip8", 8}, {"pct6", 6}}) {
      std::string name = matrix + "." + kind;
      std::vector<float> scales = readAll(file, name + ".s");
      HessianFactor factor(hessian, shape.shape[1], 0.01, name.c_str());
      std::vector<float> codes =
          gptq(GptqProblem<float>{weights, scales, shape.shape[0],
                                  (1 << (bits - 1)) - 1},
               factor);
      const TensorInfo *expected = file.find(name + ".q");
      ASSERT_EQ(expected->elements(), static_cast<int64_t>(codes.size()));
      auto *want = reinterpret_cast<const int8_t *>(file.data(*expected));
      size_t different = 0;
      for (size_t i = 0; i < codes.size(); ++i)
        different += codes[i] != want[i];
      EXPECT_EQ(different, 0u) << name << ": of " << codes.size();
    }
  }
}

TEST(Gptq, IsRoundingWhereInputsAreIndependent) {
  std::vector<float> weights = {0.26f, -0.9f, 0.1f, 0.74f},
                     scales = {0.1f, 0.5f}, hessian = {2, 0, 0, 2};
  HessianFactor factor(hessian, 2, 0.01, "w");
  EXPECT_EQ(gptq(GptqProblem<float>{weights, scales, 2, 31}, factor),
            (std::vector<float>{3, -9, 0, 1}));
}

TEST(Gptq, ClipsToTheTopCode) {
  std::vector<float> weights = {100.0f, -100.0f}, scales = {0.1f, 0.1f},
                     hessian = {1};
  HessianFactor factor(hessian, 1, 0.01, "w");
  EXPECT_EQ(gptq(GptqProblem<float>{weights, scales, 2, 31}, factor),
            (std::vector<float>{31, -31}));
}

struct Case {
  int64_t rows, columns, block;
  std::vector<int64_t> dead;
};

/// Random weights, and the Hessian of random inputs that have much in common.
template <typename T> struct Matrices {
  explicit Matrices(const Case &shape)
      : weights(shape.rows * shape.columns), scales(shape.rows),
        hessian(shape.columns * shape.columns) {
    std::mt19937 bits(7);
    auto uniform = [&] { return T(bits()) / T(4294967296.0) - T(0.5); };
    for (T &weight : weights)
      weight = uniform();
    for (T &scale : scales)
      scale = T(0.02) + T(0.01) * uniform();
    const int64_t n = shape.columns;
    std::vector<T> x(n);
    for (int64_t i = 0; i < n + 5; ++i) {
      T common = 2 * uniform();
      for (int64_t j = 0; j < n; ++j)
        x[j] = T(1 + j % 5) * (uniform() + common);
      for (int64_t j : shape.dead)
        x[j] = 0;
      for (int64_t j = 0; j < n; ++j)
        for (int64_t k = 0; k < n; ++k)
          hessian[j * n + k] += x[j] * x[k];
    }
  }
  std::vector<T> weights, scales, hessian;
};

/// A⁻¹, by Gauss and Jordan; A is positive definite.
std::vector<double> inverse(std::vector<double> a, int64_t n) {
  std::vector<double> result(n * n);
  for (int64_t i = 0; i < n; ++i)
    result[i * n + i] = 1;
  for (int64_t k = 0; k < n; ++k)
    for (int64_t i = 0; i < n; ++i) {
      double factor =
          i == k ? 1 - 1 / a[k * n + k] : a[i * n + k] / a[k * n + k];
      for (int64_t j = 0; j < n; ++j) {
        a[i * n + j] -= factor * a[k * n + j];
        result[i * n + j] -= factor * result[k * n + j];
      }
    }
  return result;
}

/// GPTQ as its paper derives it (eq. 2 and 3): a column at a time; the inverse
/// of what is left of the Hessian says where a column's error goes.
std::vector<double> columnByColumn(Matrices<double> m, const Case &shape,
                                   double top) {
  const int64_t n = shape.columns;
  double mean = 0;
  for (int64_t j = 0; j < n; ++j) {
    double &diagonal = m.hessian[j * n + j];
    if (diagonal == 0) {
      diagonal = 1;
      for (int64_t r = 0; r < shape.rows; ++r)
        m.weights[r * n + j] = 0;
    }
    mean += diagonal / double(n);
  }
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    double x = m.hessian[a * n + a], y = m.hessian[b * n + b];
    return x != y ? x > y : a < b;
  });
  for (int64_t j = 0; j < n; ++j)
    m.hessian[j * n + j] += 0.01 * mean;
  std::vector<double> left = inverse(m.hessian, n), codes(m.weights.size());
  for (int64_t j : order) {
    for (int64_t r = 0; r < shape.rows; ++r) {
      double *w = &m.weights[r * n], s = m.scales[r];
      double code = std::clamp(std::nearbyint(w[j] / s), -top, top);
      codes[r * n + j] = code;
      double error = (w[j] - code * s) / left[j * n + j];
      for (int64_t k = 0; k < n; ++k)
        w[k] -= error * left[j * n + k];
    }
    std::vector<double> row(&left[j * n], &left[j * n] + n);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t k = 0; k < n; ++k)
        left[i * n + k] -= row[i] * row[k] / row[j];
  }
  return codes;
}

/// More rows than a tile, more columns than a block, and none of them a whole
/// number of these; columns that are dead; one of each.
TEST(Gptq, IsTheFormulaAtAnySize) {
  for (const Case &shape :
       {Case{259, 75, 32, {0, 40}}, Case{3, 141, 128, {}},
        Case{17, 33, 1, {32}}, Case{1, 19, 1000, {}}, Case{2, 1, 128, {0}}}) {
    Matrices<double> m(shape);
    HessianFactor factor(m.hessian, shape.columns, 0.01, "w");
    EXPECT_EQ(gptq(GptqProblem<double>{m.weights, m.scales, shape.rows, 31,
                                       shape.block},
                   factor),
              columnByColumn(m, shape, 31))
        << shape.rows << " × " << shape.columns;
  }
}

/// Sums of float32 change what lies within their rounding of a tie.
TEST(Gptq, OfFloatsIsThatOfDoublesButForNearTies) {
  const Case shape{300, 200, 64, {7}};
  Matrices<float> m(shape);
  Matrices<double> wide(shape);
  wide.weights.assign(m.weights.begin(), m.weights.end());
  wide.scales.assign(m.scales.begin(), m.scales.end());
  wide.hessian.assign(m.hessian.begin(), m.hessian.end());
  std::vector<float> codes =
      gptq(GptqProblem<float>{m.weights, m.scales, shape.rows, 31, shape.block},
           HessianFactor(m.hessian, shape.columns, 0.01, "w"));
  std::vector<double> expected =
      gptq(GptqProblem<double>{wide.weights, wide.scales, shape.rows, 31,
                               shape.block},
           HessianFactor(wide.hessian, shape.columns, 0.01, "w"));
  size_t different = 0;
  for (size_t i = 0; i < codes.size(); ++i)
    different += double(codes[i]) != expected[i];
  EXPECT_LE(different, codes.size() / 10000);
}

} // namespace
