// Mean, deviation and Student's t-test of a few runs.
#pragma once

#include <vector>

namespace pgrt {

double meanOf(const std::vector<double> &values);

/// The sample's standard deviation, with n − 1; 0 for fewer than two values.
double deviationOf(const std::vector<double> &values);

/// P(T ≤ t) of Student's t distribution with `freedom` degrees of freedom, by
/// the regularised incomplete beta function I_x(ν/2, 1/2), x = ν / (ν + t²).
double studentCdf(double t, double freedom);

/// One-sided test that the mean of what `values` were drawn from is below
/// `threshold`: t and the probability of a mean this low if it were not.
struct TTest {
  double t = 0, p = 1;
};
TTest testBelow(const std::vector<double> &values, double threshold);

} // namespace pgrt
