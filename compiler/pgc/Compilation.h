// One run of the compiler, from the model's file to what was asked for.
#pragma once

#include "compiler/pgc/Options.h"
#include "llvm/Support/raw_ostream.h"

namespace pgc {

/// How a program ends: see interfaces in --help.
enum class ExitCode : int { Success = 0, Input = 1, Usage = 2, Machine = 3 };

/// Compiles as `options` say. Messages go to `diagnostics`.
ExitCode compile(const Options &options, llvm::raw_ostream &diagnostics);

} // namespace pgc
