// Objects become one shared object, by way of the linker's executable: Debian's
// packages have no library of it.
#include "compiler/target/Lower.h"
#include "compiler/target/TemporaryFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace mlir;

namespace pgc {

/// The linker, by its versioned name if it has one here.
static FailureOr<std::string> findLinker() {
  for (StringRef name : {"ld.lld-22", "ld.lld"}) {
    if (auto path = llvm::sys::findProgramByName(name))
      return *path;
    if (auto path =
            llvm::sys::findProgramByName(name, {"/usr/lib/llvm-22/bin"}))
      return *path;
  }
  return failure();
}

FailureOr<std::string> writeTemporary(StringRef suffix, StringRef contents,
                                      llvm::FileRemover &remover) {
  SmallString<128> path;
  int descriptor;
  if (llvm::sys::fs::createTemporaryFile("pgc", suffix, descriptor, path))
    return failure();
  remover.setFile(path);
  llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
  stream << contents;
  stream.close();
  if (stream.has_error()) {
    stream.clear_error();
    return failure();
  }
  return path.str().str();
}

FailureOr<std::string> linkSharedObject(ArrayRef<std::string> objects,
                                        std::string &error) {
  FailureOr<std::string> linker = findLinker();
  if (failed(linker)) {
    error = "the linker ld.lld is not installed (package lld-22)";
    return failure();
  }
  std::vector<llvm::FileRemover> removers(objects.size() + 2);
  std::vector<std::string> paths;
  for (auto [i, object] : llvm::enumerate(objects)) {
    FailureOr<std::string> path = writeTemporary("o", object, removers[i]);
    if (failed(path)) {
      error = "cannot write a temporary file";
      return failure();
    }
    paths.push_back(*path);
  }
  FailureOr<std::string> output =
      writeTemporary("so", "", removers[objects.size()]);
  FailureOr<std::string> log =
      writeTemporary("log", "", removers[objects.size() + 1]);
  if (failed(output) || failed(log)) {
    error = "cannot write a temporary file";
    return failure();
  }
  SmallVector<StringRef> arguments{*linker, "-shared",     "--hash-style=gnu",
                                   "-z",    "noexecstack", "-s",
                                   "-o",    *output};
  arguments.append(paths.begin(), paths.end());
  std::string message;
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(*log),
                                          StringRef(*log)};
  if (llvm::sys::ExecuteAndWait(*linker, arguments, std::nullopt, redirects, 0,
                                0, &message) != 0) {
    auto text = llvm::MemoryBuffer::getFile(*log);
    error =
        "linking failed: " + message + (text ? (*text)->getBuffer().str() : "");
    return failure();
  }
  auto bytes = llvm::MemoryBuffer::getFile(*output, /*IsText=*/false,
                                           /*RequiresNullTerminator=*/false);
  if (!bytes) {
    error = "cannot read the linker's output";
    return failure();
  }
  return (*bytes)->getBuffer().str();
}

} // namespace pgc
