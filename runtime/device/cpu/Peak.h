// The machine's own rate of multiply-adds, against which a run is measured.
#pragma once

#include "runtime/device/cpu/ThreadTeam.h"

#include <string>

namespace pgrt {

/// FLOP/s of all threads of the team together, in registers: bf16 dot products
/// where the numerics are bf16 and the CPU has them, else fused multiply-adds
/// of float (or double for "f64").
double measureCpuPeak(ThreadTeam &team, const std::string &numerics);

} // namespace pgrt
