// What the simulator reports: a program it does not understand, or one that
// does what hardware leaves undefined.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace gpusim {

enum class FaultKind {
  Unsupported,   ///< text that the simulator does not know
  Syntax,        ///< text that is not PTX
  Launch,        ///< a launch whose shape or arguments do not fit
  OutOfBounds,   ///< an address that no allocation holds
  Misaligned,    ///< an address that its access may not have
  Uninitialised, ///< a read of bytes that nobody wrote
  Race,          ///< two accesses that nothing orders
  ProxyRace,     ///< generic and asynchronous proxy without fence.proxy.async
  Swizzle,       ///< a tile read with another swizzle than it was written with
  WgmmaWait,     ///< a register of a wgmma in flight used before its wait
  WgmmaFence,    ///< a register of a wgmma changed without wgmma.fence
  Barrier,       ///< a barrier used against its rules
  Deadlock,      ///< threads that wait for what never comes
  Watchdog,      ///< more instructions than the limit
  Convergence,   ///< a warp-wide instruction that not all its lanes execute
  Trap,          ///< the program's own trap or failed assertion
};

/// "out of bounds", "race", …
const char *faultName(FaultKind kind);

class Fault : public std::runtime_error {
public:
  Fault(FaultKind kind, const std::string &message)
      : std::runtime_error(message), kind(kind) {}
  FaultKind kind;
};

/// Hexadecimal with 0x.
std::string hex(uint64_t value);

} // namespace gpusim
