#include "runtime/entry/Statistics.h"

#include <cmath>
#include <limits>

namespace pgrt {

double meanOf(const std::vector<double> &values) {
  double sum = 0;
  for (double value : values)
    sum += value;
  return sum / double(values.size());
}

double deviationOf(const std::vector<double> &values) {
  if (values.size() < 2)
    return 0;
  double mean = meanOf(values), squares = 0;
  for (double value : values)
    squares += (value - mean) * (value - mean);
  return std::sqrt(squares / double(values.size() - 1));
}

// The continued fraction of I_x(a, b), evaluated from the front by Lentz's
// method; it converges fast for x < (a + 1) / (a + b + 2).
static double betaFraction(double a, double b, double x) {
  constexpr double tiny = 1e-300;
  auto guarded = [](double value) {
    return std::fabs(value) < tiny ? tiny : value;
  };
  double c = 1, d = 1 / guarded(1 - (a + b) * x / (a + 1)), result = d;
  for (int m = 1; m <= 500; ++m) {
    double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guarded(1 + even * d);
    c = guarded(1 + even / c);
    result *= d * c;
    double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guarded(1 + odd * d);
    c = guarded(1 + odd / c);
    result *= d * c;
    if (std::fabs(d * c - 1) < 1e-15)
      break;
  }
  return result;
}

static double incompleteBeta(double a, double b, double x) {
  if (x <= 0 || x >= 1)
    return x <= 0 ? 0 : 1;
  double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                          a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2))
    return front * betaFraction(a, b, x) / a;
  return 1 - front * betaFraction(b, a, 1 - x) / b;
}

double studentCdf(double t, double freedom) {
  double tail =
      0.5 * incompleteBeta(freedom / 2, 0.5, freedom / (freedom + t * t));
  return t < 0 ? tail : 1 - tail;
}

TTest testBelow(const std::vector<double> &values, double threshold) {
  double count = double(values.size()), mean = meanOf(values),
         error = deviationOf(values) / std::sqrt(count);
  TTest test;
  if (values.size() < 2)
    return test;
  if (error == 0) { // runs that agree to the last digit
    test.t = mean < threshold ? -std::numeric_limits<double>::infinity()
                              : std::numeric_limits<double>::infinity();
    test.p = mean < threshold ? 0 : 1;
    return test;
  }
  test.t = (mean - threshold) / error;
  test.p = studentCdf(test.t, count - 1);
  return test;
}

} // namespace pgrt
