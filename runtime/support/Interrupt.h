// Ctrl-C: the first asks for a clean stop, the second ends the process.
#pragma once

namespace pgrt {

/// From now on SIGINT and SIGTERM set a flag, once; after that they act as
/// usual.
void catchInterrupts();

/// Whether one came.
bool interrupted();

/// For tests: sets or clears the flag.
void setInterrupted(bool value);

} // namespace pgrt
