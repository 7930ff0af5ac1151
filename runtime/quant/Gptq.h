// GPTQ (Frantar et al. 2022, arXiv 2210.17323) over the full Hessian: codes for
// one matrix.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pgrt {

/// Rounds weights column by column, in the order of falling diagonal of the
/// Hessian, and moves each column's error into the columns that are still to
/// come:
///   dead columns (H_jj = 0): H_jj = 1, w_j = 0;  H += damp · mean(diag H) · I;
///   U = the upper factor with H⁻¹ = Uᵀ U; q_j = clip(round(w_j / s), ±top);  e
///   = (w_j − q_j s) / U_jj;  w_rest −= e · U_j,rest,
/// blocks of `block` columns at a time. Sums are float64. Runs on the calling
/// thread alone: matrices are what runs in parallel. T: float or double.
template <typename T> struct GptqProblem {
  std::span<const T> weights; ///< [rows, columns], row-major
  std::span<const T> hessian; ///< [columns, columns], symmetric: XᵀX
  std::span<const T> scales;  ///< [rows], above 0
  int64_t rows = 0, columns = 0;
  int64_t top = 0; ///< codes are −top … top
  int64_t block = 128;
  double damp = 0.01;
};

/// The codes, [rows, columns] in the weights' own order. Throws Error (naming
/// `what`) for a Hessian that is not finite, or that stays indefinite with the
/// damping.
template <typename T>
std::vector<int32_t> gptq(const GptqProblem<T> &problem, const char *what);

} // namespace pgrt
