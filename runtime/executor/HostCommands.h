// The commands of a program that the host does: GPTQ and singular values.
#pragma once

#include "runtime/executor/Executor.h"

namespace pgrt {

bool runsOnHost(const plan::Command &command);

/// Runs the program's commands begin … end − 1, all of which are for the host,
/// on the device's host threads. Throws Stopped if an interrupt came.
void runHostCommands(const Executor &executor, const plan::Program &program,
                     int begin, int end);

} // namespace pgrt
