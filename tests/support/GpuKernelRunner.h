// Compiles sched.kernels for sm_90a, runs their PTX under gpusim on random
// numbers, and compares with the interpreter. Nothing of it runs on a GPU.
#pragma once

#include "compiler/gpu/GpuCodegen.h"
#include "tests/support/KernelRunner.h"

namespace pgtest {

/// Plans and compiles every kernel in the module `text` for a GPU, runs it
/// under gpusim, which looks for races and for reads of what nobody wrote, and
/// compares its results with the interpreter's; and again with results in the
/// memory of operands that they may overwrite. Memory beyond results must stay
/// as it is, and all of them must be written. If ptxas is on the path it must
/// take the PTX, and spill nothing. Returns what is wrong; empty if all is
/// well. `check.targets` is not looked at. Kernels left to a library are not
/// run.
std::string checkGpuKernels(llvm::StringRef text,
                            const KernelCheck &check = {});

/// The same of PTX that `edit` has changed, which ptxas does not see.
std::string
checkEditedGpuKernels(llvm::StringRef text, const KernelCheck &check,
                      llvm::function_ref<void(std::string &ptx)> edit);

/// The PTX of the module's kernels; what is wrong if there is none.
std::string compileToPtx(llvm::StringRef text);

/// The module `text`, planned, with one more kernel, "group", that does the
/// work of these; empty if they cannot be grouped.
std::string groupKernels(llvm::StringRef text,
                         llvm::ArrayRef<llvm::StringRef> names);

/// Whether ptxas is on the path.
bool hasPtxas();

} // namespace pgtest
