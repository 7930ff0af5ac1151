// When a kernel may write a result over one of its operands.
#pragma once

#include "dialects/sched/Sched.h"

namespace pgc {

/// Whether result `result` of the kernel may have the memory of operand `operand`: the kernel works element by element,
/// so each element was read before it is overwritten, and by nobody else.
bool mayWriteOver(pg::sched::KernelOp kernel, unsigned operand, unsigned result);

} // namespace pgc
