// What GPTQ takes from a Hessian, whatever the weights.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

namespace pgrt {

/// The order of a Hessian's columns and its Cholesky factor in that order:
/// dead columns (H_jj = 0) get H_jj = 1; H += damp · mean(diag H) · I; columns
/// by rising diagonal, of equal ones the last first; H = L Lᵀ. Computed in
/// float64, on the calling thread alone.
class HessianFactor {
public:
  /// `hessian` is XᵀX, [columns, columns]. Throws Error (naming `what`) for a
  /// Hessian that is not finite, or that stays indefinite with the damping.
  HessianFactor(std::span<const float> hessian, int64_t columns, double damp,
                const char *what);
  HessianFactor(std::span<const double> hessian, int64_t columns, double damp,
                const char *what);

  int64_t columns() const { return n; }
  /// The Hessian's own index of column j of the order.
  int64_t index(int64_t j) const { return order[size_t(j)]; }
  bool isDead(int64_t j) const { return dead[size_t(order[size_t(j)])]; }
  /// Row i of L, of which elements 0 … i are to be read.
  const double *row(int64_t i) const { return lower.get() + i * n; }

private:
  template <typename T>
  void compute(std::span<const T> hessian, double damp, const char *what);
  template <typename T>
  void factorise(std::span<const T> hessian,
                 const std::vector<double> &diagonal, const char *what);

  int64_t n;
  std::vector<int64_t> order;
  std::vector<bool> dead;
  struct Free {
    void operator()(double *memory) const { std::free(memory); }
  };
  std::unique_ptr<double[], Free> lower; // [n, n]; above the diagonal not set
};

} // namespace pgrt
