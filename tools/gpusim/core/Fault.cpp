#include "tools/gpusim/core/Fault.h"

#include <cstdio>

namespace gpusim {

const char *faultName(FaultKind kind) {
  switch (kind) {
  case FaultKind::Unsupported:
    return "not supported";
  case FaultKind::Syntax:
    return "syntax";
  case FaultKind::Launch:
    return "launch";
  case FaultKind::OutOfBounds:
    return "out of bounds";
  case FaultKind::Misaligned:
    return "misaligned";
  case FaultKind::Uninitialised:
    return "uninitialised read";
  case FaultKind::Race:
    return "race";
  case FaultKind::ProxyRace:
    return "race between proxies";
  case FaultKind::Swizzle:
    return "wrong swizzle";
  case FaultKind::WgmmaWait:
    return "missing wgmma.wait_group";
  case FaultKind::WgmmaFence:
    return "missing wgmma.fence";
  case FaultKind::Barrier:
    return "barrier misuse";
  case FaultKind::Deadlock:
    return "deadlock";
  case FaultKind::Watchdog:
    return "no end";
  case FaultKind::Convergence:
    return "lanes missing";
  case FaultKind::Trap:
    return "trap";
  }
  return "fault";
}

std::string hex(uint64_t value) {
  char text[32];
  snprintf(text, sizeof(text), "0x%llx",
           static_cast<unsigned long long>(value));
  return text;
}

} // namespace gpusim
