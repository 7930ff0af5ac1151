// The texts that a compilation reads: files, and the virtual buffer '<command
// line>' for -D. Gives every byte a place.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgc {

/// Identifies a buffer of a SourceManager.
using FileId = uint32_t;
inline constexpr FileId noFile = ~FileId(0);

/// The bytes [begin, end) of one buffer. Default-constructed: no place.
struct SourceRange {
  FileId file = noFile;
  uint32_t begin = 0;
  uint32_t end = 0;

  bool isValid() const { return file != noFile; }
  /// From the start of this range to the end of `last` (of the same buffer).
  SourceRange upTo(SourceRange last) const { return {file, begin, last.end}; }
  /// The empty range behind this one.
  SourceRange behind() const { return {file, end, end}; }
  bool operator==(const SourceRange &) const = default;
};

/// A line and a column, both from 1; columns count Unicode code points.
struct LineColumn {
  unsigned line = 0;
  unsigned column = 0;
};

/// Owns all source text. Ids, texts and names stay valid as long as the manager
/// lives.
class SourceManager {
public:
  /// The largest file that is read; offsets are 32-bit, and no experiment comes
  /// near.
  static constexpr uint64_t maxFileBytes = uint64_t(16) << 20;

  /// Adds a text under a display name, for instance '<command line>'.
  FileId addBuffer(std::string name, std::string text);

  /// Makes openFile(path) find `text` without looking at the disk (tests,
  /// editors).
  void addVirtualFile(const std::string &path, std::string text);

  /// Reads a file once: a second call with any path to the same file gives the
  /// same id. The display name is the path of the first call, normalised
  /// ("a/../b" is "b"). On failure: nothing, and `error` says why ("no such
  /// file").
  std::optional<FileId> openFile(const std::string &path, std::string &error);

  std::string_view text(FileId file) const { return buffers[file].text; }
  const std::string &name(FileId file) const { return buffers[file].name; }
  size_t size() const { return buffers.size(); }

  std::string_view text(SourceRange range) const;

  LineColumn lineColumn(FileId file, uint32_t offset) const;
  /// The text of a line (from 1), without its end of line.
  std::string_view lineText(FileId file, unsigned line) const;
  /// The offset at which a line (from 1) starts.
  uint32_t lineStart(FileId file, unsigned line) const;

  /// "base.pgm:23:8", of the range's start; empty for no place.
  std::string place(SourceRange range) const;

private:
  struct Buffer {
    std::string name;
    std::string text;
    std::vector<uint32_t> lineStarts;
  };
  std::vector<Buffer> buffers;
  std::map<std::string, std::string> virtualFiles;
  std::map<std::string, FileId> opened;
};

/// Number of Unicode code points in `text`; an invalid byte counts as one.
unsigned countCodePoints(std::string_view text);

/// The offset of the first byte that is not valid UTF-8, if any.
std::optional<size_t> findInvalidUtf8(std::string_view text);

} // namespace pgc
