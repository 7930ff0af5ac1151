// When a kernel may write a result over one of its operands.
#pragma once

#include "dialects/sched/Sched.h"

namespace pgc {

/// Whether result `result` of the kernel may have the memory of operand
/// `operand`: each element is read for the last time just before it is
/// overwritten.
bool mayWriteOver(pg::sched::KernelOp kernel, unsigned operand,
                  unsigned result);

} // namespace pgc
