// The word `recur`: a fold over a list, with U-Net skips.
#pragma once

#include "compiler/frontend/Evaluator.h"

namespace pgc {

/// recur(init, order, layer [, skips, merge]): language.md section 8. Over a
/// list of integers it becomes one pg.recur; over another list it is unrolled.
Value evaluateRecur(Evaluator &ev, const WordCall &c);

} // namespace pgc
