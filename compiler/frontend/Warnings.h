// What programs do that their authors hardly meant: terms without a gradient,
// skips without effect, logits that look ahead.
#pragma once

#include "compiler/frontend/ModelFunctions.h"

namespace pgc {

/// Warns of terms of the loss from which no parameter gets a gradient.
void warnOfInertTerms(Session &session, ModelTrace &trace);

/// Skips of `recur` that no result depends on, by phase.
class DeadSkips {
public:
  /// Looks into a forward function of a phase.
  void add(const std::string &phase, ModelTrace &trace);
  /// Warns; the phase that was added last comes first.
  void warn(Session &session) const;

private:
  struct Position {
    int64_t position, layer, visit, visitLayer; // takes the result of `visit`
  };
  struct Found {
    std::string phase;
    std::vector<Position> dead;
    int64_t skips = 0;
    SourceRange lastRead; // of the part of the state that the skip lands on
    int64_t lastLayer = 0;
  };
  // By the place of `recur`.
  std::vector<std::pair<SourceRange, std::vector<Found>>> found;
};

/// Reports logits whose position t depends on tokens behind t. What cannot be
/// told is let pass.
void checkCausality(Session &session, ModelTrace &score);

} // namespace pgc
