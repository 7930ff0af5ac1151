// Which features of x86-64 this machine has, by the names that LLVM uses.
#pragma once

#include <string>

namespace pgrt {

/// True if the CPU and the system support the feature; "+avx2" counts as
/// "avx2", a "-…" is always satisfied, and a name that is not known is not
/// supported.
bool cpuHasFeature(const std::string &feature);

/// "AMD EPYC …, AVX2"
std::string cpuDescription();

/// Processors that this process may use.
int availableProcessors();

} // namespace pgrt
