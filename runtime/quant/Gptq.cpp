#include "runtime/quant/Gptq.h"

#include "runtime/support/BlasThreads.h"

#include <cblas.h>

#include <algorithm>
#include <memory>

namespace pgrt {
namespace {

constexpr int64_t tileRows = 512;   // large enough for products, within caches
constexpr int64_t leafColumns = 16; // fewer are not worth a product
constexpr int64_t lineRows = 16;    // floats of a cache line

/// The nearest whole number, ties to even, of |x| < 2⁵¹: there the sum's last
/// bit is 1. Unlike nearbyint, no call on processors of the base line.
double nearest(double x) {
  constexpr double big = 6755399441055744.0; // 1.5 · 2⁵²
  return (x + big) - big;
}

void multiply(int m, int n, int k, const float *a, int lda, const float *b,
              int ldb, float *c, int ldc) {
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, k, 1, a, lda, b,
              ldb, 1, c, ldc);
}
void multiply(int m, int n, int k, const double *a, int lda, const double *b,
              int ldb, double *c, int ldc) {
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, k, 1, a, lda, b,
              ldb, 1, c, ldc);
}

/// Some rows of the matrix, in units of their scales, turned: the entries of a
/// column lie together.
template <typename T> class Tile {
public:
  Tile(const GptqProblem<T> &problem, const HessianFactor &factor)
      : problem(problem), factor(factor), n(factor.columns()),
        block(std::min(problem.block, n)),
        top(static_cast<double>(problem.top)),
        differences(std::make_unique_for_overwrite<T[]>(n * stride)),
        shifts(std::make_unique_for_overwrite<T[]>(n * stride)),
        panel(std::make_unique_for_overwrite<T[]>(n * block)) {}

  /// Codes of rows [first, first + rows), rows ≤ tileRows.
  void run(int64_t first, int64_t rows, T *codes) {
    count = rows;
    load(first);
    for (int64_t end = n; end > 0; end -= block) {
      const int64_t begin = std::max<int64_t>(0, end - block);
      takePanel(begin, end);
      std::fill(&shifts[begin * stride], &shifts[(end - 1) * stride] + count,
                T(0));
      addShifts(begin, end, n);
      round(begin, end);
    }
    store(first, codes);
  }

private:
  void load(int64_t first) {
    for (int64_t r = 0; r < count; r += lineRows)
      for (int64_t j = 0; j < n; ++j)
        for (int64_t i = r; i < std::min(r + lineRows, count); ++i)
          differences[j * stride + i] =
              factor.isDead(j)
                  ? T(0)
                  : problem.weights[(first + i) * n + factor.index(j)] /
                        problem.scales[first + i];
  }

  void store(int64_t first, T *codes) const {
    for (int64_t r = 0; r < count; r += lineRows)
      for (int64_t j = 0; j < n; ++j)
        for (int64_t i = r; i < std::min(r + lineRows, count); ++i)
          codes[(first + i) * n + factor.index(j)] = shifts[j * stride + i];
  }

  /// Rows begin … n − 1 of L's columns [begin, end).
  void takePanel(int64_t begin, int64_t end) {
    panelBegin = begin;
    for (int64_t i = begin; i < n; ++i)
      std::copy(factor.row(i) + begin, factor.row(i) + std::min(i + 1, end),
                &panel[(i - begin) * block]);
  }
  /// L_ij for j = column and above, within the panel.
  const T *factorAt(int64_t row, int64_t column) const {
    return &panel[(row - panelBegin) * block + column - panelBegin];
  }

  /// Adds to the sums of columns [begin, end) what the rounded columns
  /// [end, last) add to them.
  void addShifts(int64_t begin, int64_t end, int64_t last) {
    if (end < last)
      multiply(static_cast<int>(end - begin), static_cast<int>(count),
               static_cast<int>(last - end), factorAt(end, begin),
               static_cast<int>(block), &differences[end * stride],
               static_cast<int>(stride), &shifts[begin * stride],
               static_cast<int>(stride));
  }

  /// Rounds columns whose sums hold all columns from `end` on.
  void round(int64_t begin, int64_t end) {
    if (end - begin <= leafColumns)
      return roundOneByOne(begin, end);
    int64_t middle = begin + (end - begin) / 2;
    round(middle, end);
    addShifts(begin, middle, end);
    round(begin, middle);
  }

  /// Leaves the codes where the sums were.
  void roundOneByOne(int64_t begin, int64_t end) {
    for (int64_t j = end - 1; j >= begin; --j) {
      const double inverse = 1 / static_cast<double>(*factorAt(j, j));
      T *difference = &differences[j * stride], *shift = &shifts[j * stride];
      for (int64_t r = 0; r < count; ++r) {
        const double value = difference[r];
        double code =
            nearest(std::clamp(value + shift[r] * inverse, -top, top));
        difference[r] = static_cast<T>(value - code);
        shift[r] = static_cast<T>(code);
      }
      for (int64_t k = begin; k < j; ++k) {
        const T weight = *factorAt(j, k);
        T *other = &shifts[k * stride];
        for (int64_t r = 0; r < count; ++r)
          other[r] += weight * difference[r];
      }
    }
  }

  static constexpr int64_t stride = tileRows + lineRows; // not a power of two
  const GptqProblem<T> &problem;
  const HessianFactor &factor;
  const int64_t n, block;
  const double top;
  int64_t count = 0;                // rows
  std::unique_ptr<T[]> differences; // W / s − Q; of what is not rounded: W / s
  std::unique_ptr<T[]> shifts;      // Σ D_i L_ij / s, then the codes
  std::unique_ptr<T[]> panel;       // [n, block]
  int64_t panelBegin = 0;
};

} // namespace

template <typename T>
std::vector<T> gptq(const GptqProblem<T> &problem,
                    const HessianFactor &factor) {
  oneBlasThreadEach();
  std::vector<T> codes(problem.rows * factor.columns());
  Tile<T> tile(problem, factor);
  for (int64_t first = 0; first < problem.rows; first += tileRows)
    tile.run(first, std::min(tileRows, problem.rows - first), codes.data());
  return codes;
}

template std::vector<float> gptq(const GptqProblem<float> &,
                                 const HessianFactor &);
template std::vector<double> gptq(const GptqProblem<double> &,
                                  const HessianFactor &);

} // namespace pgrt
