// Ctrl-C: the first asks for a clean stop, the second ends the process.
#pragma once

namespace pgrt {

/// From now on SIGINT and SIGTERM set a flag, once; after that they act as
/// usual.
void catchInterrupts();

/// Whether one came.
bool interrupted();

/// What throwIfInterrupted throws: a stage ends here, nothing is at fault.
struct Stopped {};

/// For stages of many small pieces.
void throwIfInterrupted();

/// For tests: sets or clears the flag.
void setInterrupted(bool value);

} // namespace pgrt
