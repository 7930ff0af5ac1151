// What quantisers compute, by the shortest way to each definition.
#include "tests/support/InterpreterQuantize.h"
#include <algorithm>
#include <cmath>

using namespace mlir;

namespace pgtest {

double roundToF16(double x) {
  if (!std::isfinite(x))
    return x;
  // The grid's distance at |x|: 11 bits, and no less than 2⁻²⁴.
  int exponent = 0;
  std::frexp(x, &exponent);
  double unit = std::ldexp(1, std::max(exponent - 11, -24));
  double rounded = std::nearbyint(x / unit) * unit;
  return std::fabs(rounded) > 65504 ? std::copysign(INFINITY, x) : rounded;
}

namespace {

using Matrix = std::vector<std::vector<double>>;

/// The inverse, by Gauss and Jordan.
Matrix invert(Matrix a) {
  size_t n = a.size();
  Matrix b(n, std::vector<double>(n));
  for (size_t i = 0; i < n; ++i)
    b[i][i] = 1;
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t i = k; i < n; ++i)
      if (std::fabs(a[i][k]) > std::fabs(a[pivot][k]))
        pivot = i;
    std::swap(a[k], a[pivot]);
    std::swap(b[k], b[pivot]);
    for (size_t i = 0; i < n; ++i) {
      double factor = i == k ? 1 - 1 / a[k][k] : a[i][k] / a[k][k];
      for (size_t j = 0; j < n; ++j) {
        double x = a[k][j], y = b[k][j];
        a[i][j] -= factor * x;
        b[i][j] -= factor * y;
      }
    }
  }
  return b;
}

/// GPTQ one column at a time, without blocks: after each, the inverse of what
/// is left of the Hessian takes one step of Gauss (Frantar et al. 2022, eq. 2
/// and 3), which is what the Cholesky factor stands for.
Tensor gptq(pg::GptqOp op, llvm::ArrayRef<Tensor> v) {
  Tensor w = v[0], codes(v[0].shape);
  int64_t rows = w.shape[0], n = w.shape[1];
  double top = static_cast<double>(op.getTop()), mean = 0;
  Matrix h(n, std::vector<double>(n));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      h[i][j] = v[1].data[i * n + j];
  for (int64_t j = 0; j < n; ++j) {
    if (h[j][j] == 0) {
      h[j][j] = 1;
      for (int64_t r = 0; r < rows; ++r)
        w.data[r * n + j] = 0;
    }
    mean += h[j][j] / static_cast<double>(n);
  }
  std::vector<int64_t> order(n);
  for (int64_t j = 0; j < n; ++j) {
    h[j][j] += op.getDamp().convertToDouble() * mean;
    order[j] = j;
  }
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return std::pair(-h[a][a], a) < std::pair(-h[b][b], b);
  });
  Matrix inverse = invert(h);
  for (int64_t step = 0; step < n; ++step) {
    int64_t j = order[step];
    for (int64_t r = 0; r < rows; ++r) {
      double scale = v[2].data[r], &x = w.data[r * n + j],
             code = std::clamp(std::nearbyint(x / scale), -top, top),
             error = (x - code * scale) / inverse[j][j];
      codes.data[r * n + j] = code;
      for (int64_t later = step + 1; later < n; ++later)
        w.data[r * n + order[later]] -= error * inverse[j][order[later]];
    }
    Matrix old = inverse;
    for (int64_t a = step + 1; a < n; ++a)
      for (int64_t b = step + 1; b < n; ++b)
        inverse[order[a]][order[b]] -=
            old[order[a]][j] * old[j][order[b]] / old[j][j];
  }
  return codes;
}

/// Singular values one by one: powers of wᵀ w, and what they explain is taken
/// away.
std::vector<Tensor> svd(pg::SvdOp op, Tensor w) {
  int64_t rows = w.shape[0], columns = w.shape[1], rank = op.getRank();
  Tensor u({rows, rank}), s({rank}), v({rank, columns});
  for (int64_t k = 0; k < rank; ++k) {
    std::vector<double> x(columns), y(rows);
    for (int64_t j = 0; j < columns; ++j)
      x[j] = 1 + 0.1 * static_cast<double>((j * 7 + k) % 5);
    double size = 0;
    for (int round = 0; round < 3000; ++round) {
      double norm = 0;
      for (double t : x)
        norm += t * t;
      for (double &t : x)
        t /= std::sqrt(norm);
      size = 0;
      for (int64_t i = 0; i < rows; ++i) {
        y[i] = 0;
        for (int64_t j = 0; j < columns; ++j)
          y[i] += w.data[i * columns + j] * x[j];
        size += y[i] * y[i];
      }
      size = std::sqrt(size);
      if (round == 2999 || size == 0)
        break;
      for (int64_t j = 0; j < columns; ++j) {
        x[j] = 0;
        for (int64_t i = 0; i < rows; ++i)
          x[j] += w.data[i * columns + j] * y[i];
      }
    }
    double largest = 0;
    for (double t : y)
      largest = std::fabs(t) > std::fabs(largest) ? t : largest;
    double sign = largest < 0 ? -1 : 1;
    s.data[k] = size;
    for (int64_t i = 0; i < rows; ++i)
      u.data[i * rank + k] = size == 0 ? 0 : sign * y[i] / size;
    for (int64_t j = 0; j < columns; ++j)
      v.data[k * columns + j] = sign * x[j];
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        w.data[i * columns + j] -= y[i] * x[j];
  }
  return {u, s, v};
}

} // namespace

std::vector<Tensor> evaluateQuantizer(Operation *op,
                                      llvm::ArrayRef<Tensor> operands) {
  if (auto gptqOp = dyn_cast<pg::GptqOp>(op))
    return {gptq(gptqOp, operands)};
  if (auto svdOp = dyn_cast<pg::SvdOp>(op))
    return svd(svdOp, operands[0]);
  return {};
}

} // namespace pgtest
