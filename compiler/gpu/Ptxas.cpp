#include "compiler/gpu/Ptxas.h"
#include "compiler/target/TemporaryFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace mlir;

namespace pgc {

/// The number in front of `unit` ("16 registers"), 0 if there is none.
static int64_t numberBefore(StringRef line, StringRef unit) {
  StringRef before = line.substr(0, line.find(unit));
  if (before.size() == line.size())
    return 0;
  int64_t number = 0;
  before.rtrim().rsplit(' ').second.getAsInteger(10, number);
  return number;
}

std::vector<GpuResources> parsePtxasLog(StringRef log) {
  std::vector<GpuResources> resources;
  SmallVector<StringRef> lines;
  log.split(lines, '\n');
  for (StringRef line : lines) {
    StringRef rest = line;
    if (size_t at = rest.find("Compiling entry function '");
        at != StringRef::npos) {
      rest = rest.substr(at).split('\'').second;
      resources.push_back({rest.split('\'').first.str()});
    }
    if (resources.empty())
      continue;
    GpuResources &last = resources.back();
    if (line.contains("bytes spill stores")) {
      last.stackBytes = numberBefore(line, " bytes stack frame");
      last.spillStores = numberBefore(line, " bytes spill stores");
      last.spillLoads = numberBefore(line, " bytes spill loads");
    } else if (line.contains("Used ") && line.contains(" registers")) {
      last.registers = numberBefore(line, " registers");
      last.sharedBytes = numberBefore(line, " bytes smem");
    }
  }
  return resources;
}

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
  code.resources = parsePtxasLog(text);
  return success();
}

} // namespace pgc
