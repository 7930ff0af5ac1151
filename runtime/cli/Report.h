// Errors become a message and an exit status.
#pragma once

#include <functional>
#include <string>

namespace pgrt {

/// Runs `body` and returns what it returns. Whatever it throws is printed and
/// becomes the exit status; `tell` is called before, and says whether to print
/// it.
int withErrorsReported(
    const std::function<int()> &body,
    const std::function<bool(const std::string &)> &tell = nullptr);

} // namespace pgrt
