// GPTQ (Frantar et al. 2022, arXiv 2210.17323) over the full Hessian: codes for
// one matrix.
#pragma once

#include "runtime/quant/HessianFactor.h"

#include <cstdint>
#include <span>
#include <vector>

namespace pgrt {

/// Weights to be rounded. T: float or double.
template <typename T> struct GptqProblem {
  std::span<const T> weights; ///< [rows, columns], row-major
  std::span<const T> scales;  ///< [rows], above 0
  int64_t rows = 0;
  int64_t top = 0; ///< codes are −top … top
  int64_t block = 128;
};

/// The codes, whole numbers, [rows, columns] in the weights' own order. They
/// keep |(W − Q s) Xᵀ|² small, X the inputs of H = XᵀX: with H = L Lᵀ of
/// `factor` that is |D L|², D = W − Q s, and column j of D L is
///   sum over i ≥ j of D_i L_ij.
/// So the columns are rounded from the last to the first, the order of falling
/// diagonal, each such that its column of D L is as small as it can be:
///   q_j = clip(round((w_j + (sum over i > j of D_i L_ij) / L_jj) / s), ±top).
/// These are GPTQ's codes: its factor of H⁻¹ is the inverse of L (Chen et al.
/// 2025, arXiv 2507.18553). Dead columns have w_j = 0. The sums of `block`
/// columns over all that are rounded are one product. Sums are of T. Runs on
/// the calling thread alone: matrices are what runs in parallel.
template <typename T>
std::vector<T> gptq(const GptqProblem<T> &problem, const HessianFactor &factor);

} // namespace pgrt
