// What programs do that their authors hardly meant: terms without a gradient,
// skips and constants without effect, logits that look ahead.
#pragma once

#include "compiler/frontend/ModelFunctions.h"

namespace pgc {

/// A term of the loss in one phase.
struct TracedTerm {
  std::string name;
  const ast::Expr *expr = nullptr;
  /// The parameters that get a gradient from it. All that a recurrence loads
  /// count as reached by its result.
  std::vector<std::string> parameters;
};

/// The terms of the loss; warns of those from which no parameter gets a
/// gradient.
std::vector<TracedTerm> traceTerms(Session &session, ModelTrace &trace);

/// Warns of constants that the main file, an override or the command line sets
/// and that neither a section nor an assertion reads, directly or through
/// others.
void warnOfUnusedConstants(Session &session);

/// Where attention stays within documents (it has segments), warns of what else
/// reads other positions, unless a comparison of tokens masks it.
void warnOfBoundaryReads(Session &session, ModelTrace &trace);

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
