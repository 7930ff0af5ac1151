#include "compiler/gpu/Ptxas.h"
#include "compiler/gpu/GpuResources.h"
#include "compiler/target/TemporaryFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace mlir;

namespace pgc {

LogicalResult runPtxas(GpuCode &code, std::string &error) {
  auto program = llvm::sys::findProgramByName("ptxas");
  if (!program)
    return success();
  llvm::FileRemover removers[3];
  FailureOr<std::string> input = writeTemporary("ptx", code.ptx, removers[0]),
                         output = writeTemporary("cubin", "", removers[1]),
                         log = writeTemporary("log", "", removers[2]);
  if (failed(input) || failed(output) || failed(log)) {
    error = "cannot write a temporary file";
    return failure();
  }
  StringRef arguments[] = {*program, "-arch=sm_90a", "-v",
                           *input,   "-o",           *output};
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(*log),
                                          StringRef(*log)};
  std::string message;
  int status = llvm::sys::ExecuteAndWait(*program, arguments, std::nullopt,
                                         redirects, 0, 0, &message);
  auto said = llvm::MemoryBuffer::getFile(*log);
  std::string text = said ? (*said)->getBuffer().str() : "";
  if (status != 0) {
    error = "ptxas refuses the code: " + message + text;
    return failure();
  }
  auto bytes = llvm::MemoryBuffer::getFile(*output, /*IsText=*/false,
                                           /*RequiresNullTerminator=*/false);
  if (!bytes) {
    error = "cannot read the output of ptxas";
    return failure();
  }
  code.cubin = (*bytes)->getBuffer().str();
  addPtxasLog(text, code.resources);
  return success();
}

} // namespace pgc
