#include "runtime/support/AtomicFile.h"
#include "runtime/support/Error.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace pgrt {

AtomicFile::AtomicFile(const std::string &path)
    : path(path), aside(cat(path, ".tmp-", getpid())) {
  file = open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0)
    failSystem("cannot write", aside);
}

AtomicFile::~AtomicFile() {
  if (file >= 0) {
    close(file);
    unlink(aside.c_str());
  }
}

void AtomicFile::write(const void *data, size_t size) {
  const char *bytes = static_cast<const char *>(data);
  while (size) {
    ssize_t written = ::write(file, bytes, size);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      failSystem("cannot write", aside);
    bytes += written;
    size -= size_t(written);
  }
}

void AtomicFile::commit() {
  if (fsync(file) != 0)
    failSystem("cannot write", aside);
  close(file);
  file = -1;
  if (rename(aside.c_str(), path.c_str()) != 0) {
    int error = errno;
    unlink(aside.c_str());
    errno = error;
    failSystem("cannot write", path);
  }
  // Without this the rename itself may be lost when the machine stops. Some
  // file systems cannot sync a folder.
  std::string folder = std::filesystem::path(path).parent_path().string();
  int directory = open(folder.empty() ? "." : folder.c_str(),
                       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    fsync(directory);
    close(directory);
  }
}

void writeFileAtomically(const std::string &path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void makeFolders(const std::string &path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error)
    throw Error(ExitCode::Machine,
                cat("cannot make the folder '", path, "': ", error.message()));
}

} // namespace pgrt
