#include "runtime/support/MappedFile.h"
#include "runtime/support/Error.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace pgrt {

MappedFile::MappedFile(const std::string &path) : name(path) {
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    failSystem("cannot open", path);
  struct stat info;
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(file);
    failInput("cannot read '", path, "': it is not a file");
  }
  length = size_t(info.st_size);
  if (length) {
    address = mmap(nullptr, length, PROT_READ, MAP_SHARED, file, 0);
    if (address == MAP_FAILED) {
      address = nullptr;
      close(file);
      failSystem("cannot map", path);
    }
  }
  close(file);
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : name(std::move(other.name)),
      address(std::exchange(other.address, nullptr)),
      length(std::exchange(other.length, 0)) {}

void MappedFile::forget() const {
  if (address)
    madvise(address, length, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (address)
    munmap(address, length);
}

} // namespace pgrt
