// What a rank throws when another one is gone.
#pragma once

#include "runtime/support/Error.h"

namespace pgrt {

/// The message, which names the lost rank, has been printed already.
class LostRank : public Error {
public:
  explicit LostRank(const std::string &message)
      : Error(ExitCode::Machine, message) {}
};

} // namespace pgrt
