// How long training goes on, and what `progress` is.
#pragma once

#include "runtime/plan/plan.pb.h"

#include <cstdint>

namespace pgrt {

/// Either limit may be 0, not both. With steps, progress is step / steps, and a
/// clock only stops the run.
struct Budget {
  int64_t steps = 0;
  double seconds = 0; // net of the reserve

  double progress(int64_t step, double elapsed) const {
    return steps ? double(step) / double(steps) : elapsed / seconds;
  }
  bool finished(int64_t step, double elapsed) const {
    return (steps && step >= steps) || (seconds > 0 && elapsed >= seconds);
  }
};

/// The plan's budget, or what --steps and --wallclock (0: not given) put in its
/// place. Throws Error (Usage) if nothing is left of it, or if there is none.
Budget chooseBudget(const plan::Training &training, int64_t steps,
                    double wallclock);

} // namespace pgrt
