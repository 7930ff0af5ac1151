// Files that are either there whole or not at all: written aside, synced,
// renamed, their folder synced.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pgrt {

class AtomicFile {
public:
  /// Opens `path`.tmp-<pid> beside `path`.
  explicit AtomicFile(const std::string &path);
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;
  /// Without commit, nothing is left behind.
  ~AtomicFile();

  void write(const void *data, size_t size);
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }
  void commit();

private:
  std::string path, aside;
  int file = -1;
};

/// One whole file.
void writeFileAtomically(const std::string &path, std::string_view bytes);

/// Makes the folder and those above it; throws Error if that fails.
void makeFolders(const std::string &path);

} // namespace pgrt
