// A file's bytes, read-only, by mmap.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pgrt {

class MappedFile {
public:
  /// Throws Error if the file cannot be opened or is not a regular file. An
  /// empty file gives no bytes.
  explicit MappedFile(const std::string &path);
  MappedFile(MappedFile &&other) noexcept;
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  const std::string &path() const { return name; }
  std::string_view bytes() const {
    return {static_cast<const char *>(address), length};
  }

  /// Lets the system take back the pages that were read: they no longer count
  /// as this process's memory, and come back when they are read again.
  void forget() const;

private:
  std::string name;
  void *address = nullptr;
  size_t length = 0;
};

} // namespace pgrt
