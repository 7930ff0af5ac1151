// Switches, and the phases that training goes through.
#pragma once

#include "compiler/frontend/Frontend.h"
#include "compiler/frontend/Session.h"

namespace pgc {

/// The condition of each switch: a number or a step value; poison after an
/// error.
std::vector<Value> evaluateSwitches(Session &session);

/// The phases that can occur while `step` and `progress` grow, in their order,
/// and then the one with all switches on if it cannot.
std::vector<Phase> findPhases(Session &session,
                              const std::vector<Value> &conditions);

/// "looped+qat"; "plain" if no switch is on.
std::string phaseName(const Session &session, const std::vector<bool> &on);
/// The switches that a phase's name stands for; nothing if it is no name.
std::optional<std::vector<bool>> parsePhase(const Session &session,
                                            llvm::StringRef name);

} // namespace pgc
