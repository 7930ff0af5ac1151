#include "runtime/artifact/FitCap.h"
#include "runtime/support/Text.h"

#include <algorithm>
#include <cmath>

namespace pgrt {

namespace {
// What a search aims at, as shares of the cap: a true size from `least` to 1 is
// accepted, estimates are brought to within `low` … `high`.
constexpr double least = 0.995, low = 0.9972, high = 0.9994, aim = 0.9985;
constexpr double largestFactor = 1024; // all codes are zero long before
constexpr int maxPacks = 6, maxQuantisations = 40;

class Search {
public:
  explicit Search(const CapProblem &problem)
      : problem(problem), cap(double(problem.cap)) {}

  CapSolution run() {
    double first = estimate(problem.value);
    if (first <= cap * 1.01 && packAt(problem.value) <= problem.cap)
      return accept(problem.value);
    if (!bracket()) {
      // No estimate alone refuses: what should be smallest is packed.
      double value = last.value;
      if (packAt(value) > problem.cap)
        return refuse();
      best = value;
      fitting = last;
    }
    while (solution.packs < maxPacks &&
           solution.quantisations < maxQuantisations) {
      widen();
      double value = refine();
      int64_t bytes = packAt(value);
      if (bytes <= problem.cap && double(bytes) >= least * cap)
        return accept(value);
      if (bytes <= problem.cap) {
        best = value;
        fitting = {value, double(bytes) / ratio};
      } else {
        large = {value, double(bytes) / ratio};
      }
      if (best > 0 && fitting.value / large.value < 1 + 1e-5)
        break; // the size jumps here
    }
    if (best <= 0 && !packFitting())
      return refuse();
    if (packed != best)
      estimate(best), packAt(best);
    return accept(best);
  }

private:
  struct Point {
    double value = 0;
    double size = 0; // of `estimate`, before the ratio
  };

  double estimate(double value) {
    ++solution.quantisations;
    last = {value, problem.estimate(value)};
    return last.size * ratio;
  }

  int64_t packAt(double value) {
    if (last.value != value)
      estimate(value);
    ++solution.packs;
    packed = value;
    packedBytes = problem.pack();
    if (last.size > 0)
      ratio = double(packedBytes) / last.size;
    problem.say(formatted("  %.6g gives %s bytes, %.2f %% of the cap", value,
                          withThousands(packedBytes).c_str(),
                          100 * double(packedBytes) / cap));
    return packedBytes;
  }

  // Doubles the value until the estimate fits.
  bool bracket() {
    large = last;
    for (double factor = 2; factor <= largestFactor; factor *= 2) {
      double size = estimate(problem.value * factor);
      if (size <= cap * aim) {
        fitting = last;
        return true;
      }
      large = last;
    }
    return false;
  }

  // A new ratio may show that both ends lie on one side.
  void widen() {
    double step = 1.02;
    while (large.size * ratio <= cap * aim && large.value > problem.value &&
           solution.quantisations < maxQuantisations) {
      fitting = large;
      estimate(std::max(problem.value, large.value / step));
      large = last;
      step *= step;
    }
    while (fitting.size * ratio > cap * aim &&
           solution.quantisations < maxQuantisations) {
      large = fitting;
      estimate(fitting.value * step);
      fitting = last;
      step *= step;
    }
  }

  // A value whose estimate is within the window, by regula falsi on (log value,
  // size); every third step halves the interval, for sizes that are not linear.
  double refine() {
    for (int step = 0; solution.quantisations < maxQuantisations; ++step) {
      double a = std::log(large.value), b = std::log(fitting.value);
      double share = (large.size * ratio - cap * aim) /
                     ((large.size - fitting.size) * ratio);
      if (step % 3 == 2 || !(share > 0.001 && share < 0.999))
        share = 0.5;
      double value = std::exp(a + share * (b - a)), size = estimate(value);
      if (size >= cap * low && size <= cap * high)
        return value;
      (size > cap * aim ? large : fitting) = last;
      if (fitting.value / large.value < 1 + 1e-6)
        return fitting.value;
    }
    return fitting.value;
  }

  // No packed artifact fitted yet: raises the value from the smallest that was
  // thought to fit.
  bool packFitting() {
    double value = fitting.value;
    for (int tries = 0; tries < 3; ++tries, value *= 1.05)
      if (packAt(value) <= problem.cap) {
        best = value;
        return true;
      }
    return false;
  }

  CapSolution accept(double value) {
    solution.fits = true;
    solution.value = value;
    solution.bytes = packedBytes;
    return solution;
  }

  CapSolution refuse() {
    solution.value = last.value;
    solution.bytes = int64_t(last.size * ratio);
    return solution;
  }

  const CapProblem &problem;
  double cap;
  CapSolution solution;
  double ratio = 1;
  Point last, large, fitting;
  double best = 0, packed = 0;
  int64_t packedBytes = 0;
};
} // namespace

CapSolution fitCap(const CapProblem &problem) { return Search(problem).run(); }

} // namespace pgrt
