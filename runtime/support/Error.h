// How the runtime reports faults: it throws Error, and the command line turns
// it into a message and an exit status. Nothing else is thrown on purpose;
// std::bad_alloc counts as a fault of the machine.
#pragma once

#include "runtime/support/Text.h"

#include <stdexcept>
#include <string>

namespace pgrt {

enum class ExitCode : int {
  Success = 0,
  Input = 1,   ///< a file, or what it says, is at fault
  Usage = 2,   ///< the command line is at fault
  Machine = 3, ///< no space, no device, a lost rank
};

class Error : public std::runtime_error {
public:
  Error(ExitCode code, const std::string &message)
      : std::runtime_error(message), code(code) {}
  ExitCode code;
};

template <typename... Parts>
[[noreturn]] void failInput(const Parts &...parts) {
  throw Error(ExitCode::Input, cat(parts...));
}
template <typename... Parts>
[[noreturn]] void failUsage(const Parts &...parts) {
  throw Error(ExitCode::Usage, cat(parts...));
}
template <typename... Parts>
[[noreturn]] void failMachine(const Parts &...parts) {
  throw Error(ExitCode::Machine, cat(parts...));
}

/// "<action> <path>: <the system's message for errno>", as a fault of the input
/// if the file is missing or unreadable, else of the machine.
[[noreturn]] void failSystem(const std::string &action,
                             const std::string &path);

} // namespace pgrt
