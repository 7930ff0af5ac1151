// Files that pass between this process and a linker or an assembler.
#pragma once

#include "mlir/Support/LLVM.h"
#include "llvm/Support/FileUtilities.h"
#include <string>

namespace pgc {

/// A new temporary file with these contents; it goes when `remover` does.
mlir::FailureOr<std::string> writeTemporary(llvm::StringRef suffix,
                                            llvm::StringRef contents,
                                            llvm::FileRemover &remover);

} // namespace pgc
