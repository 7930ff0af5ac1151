// Finding the constant with which an artifact fits its cap.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace pgrt {

/// What the search needs to know of its artifact. The larger the constant, the
/// smaller the artifact.
struct CapProblem {
  double value = 0; ///< the file's; the search never goes below it
  int64_t cap = 0;
  /// Quantises with that value; the size that the artifact is thought to have
  /// then, up to a common factor near 1.
  std::function<double(double value)> estimate;
  /// Packs what was quantised last; its true size.
  std::function<int64_t()> pack;
  /// A line for people.
  std::function<void(const std::string &)> say;
};

struct CapSolution {
  bool fits = false;
  double value = 0;  ///< the constant; what was packed last has it
  int64_t bytes = 0; ///< of what was packed last, or the least that was thought
                     ///< possible
  int packs = 0, quantisations = 0;
};

/// The least value, not below the file's, whose artifact fits; where it had to
/// be raised, within 0.5 % of the cap unless the size jumps over that. Sizes
/// are close to linear in the logarithm of the value, so estimates are
/// interpolated there; true sizes correct the estimates' factor, and are taken
/// once or twice as a rule.
CapSolution fitCap(const CapProblem &problem);

} // namespace pgrt
