#include "compiler/frontend/SourceManager.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

using namespace pgc;
namespace fs = std::filesystem;

/// Bytes of the code point at the start of `text` (not empty), or 0 if it is
/// not valid UTF-8 (overlong forms, surrogates and values over U+10FFFF are
/// not).
static unsigned codePointLength(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned lead = byte(0);
  unsigned length = lead < 0x80   ? 1
                    : lead < 0xC2 ? 0
                    : lead < 0xE0 ? 2
                    : lead < 0xF0 ? 3
                    : lead < 0xF5 ? 4
                                  : 0;
  if (length == 0 || length > text.size())
    return 0;
  for (unsigned i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80)
      return 0;
  if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
      (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F))
    return 0;
  return length;
}

unsigned pgc::countCodePoints(std::string_view text) {
  unsigned count = 0;
  for (size_t i = 0; i < text.size(); ++count)
    i += std::max(1u, codePointLength(text.substr(i)));
  return count;
}

std::optional<size_t> pgc::findInvalidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    unsigned length = codePointLength(text.substr(i));
    if (length == 0)
      return i;
    i += length;
  }
  return std::nullopt;
}

FileId SourceManager::addBuffer(std::string name, std::string text) {
  Buffer buffer{std::move(name), std::move(text), {0}};
  for (size_t i = 0; i < buffer.text.size(); ++i)
    if (buffer.text[i] == '\n')
      buffer.lineStarts.push_back(static_cast<uint32_t>(i + 1));
  buffers.push_back(std::move(buffer));
  return static_cast<FileId>(buffers.size() - 1);
}

void SourceManager::addVirtualFile(const std::string &path, std::string text) {
  virtualFiles[fs::path(path).lexically_normal().string()] = std::move(text);
}

/// Reads a whole file; on failure `error` says why.
static std::optional<std::string> readFile(const std::string &path,
                                           std::string &error) {
  std::error_code code;
  fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) {
    error = code && code != std::errc::no_such_file_or_directory
                ? code.message()
                : "no such file";
    return std::nullopt;
  }
  if (fs::is_directory(status)) {
    error = "it is a directory";
    return std::nullopt;
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    error = "it cannot be opened";
    return std::nullopt;
  }
  std::string text;
  char block[1 << 14];
  while (stream.read(block, sizeof block) || stream.gcount() > 0) {
    text.append(block, static_cast<size_t>(stream.gcount()));
    if (text.size() > SourceManager::maxFileBytes) {
      error = "it has more than " +
              std::to_string(SourceManager::maxFileBytes >> 20) + " MiB";
      return std::nullopt;
    }
  }
  if (stream.bad()) {
    error = "it cannot be read";
    return std::nullopt;
  }
  return text;
}

std::optional<FileId> SourceManager::openFile(const std::string &path,
                                              std::string &error) {
  std::string shown = fs::path(path).lexically_normal().string();
  auto isVirtual = virtualFiles.find(shown);
  std::string key = shown;
  if (isVirtual == virtualFiles.end()) {
    std::error_code code;
    fs::path canonical = fs::weakly_canonical(path, code);
    if (!code)
      key = canonical.string();
  }
  if (auto known = opened.find(key); known != opened.end())
    return known->second;
  std::optional<std::string> text;
  if (isVirtual != virtualFiles.end())
    text = isVirtual->second;
  else
    text = readFile(path, error);
  if (!text)
    return std::nullopt;
  FileId id = addBuffer(shown, std::move(*text));
  opened[key] = id;
  return id;
}

std::string_view SourceManager::text(SourceRange range) const {
  std::string_view whole = text(range.file);
  size_t begin = std::min<size_t>(range.begin, whole.size());
  return whole.substr(begin, range.end > begin ? range.end - begin : 0);
}

LineColumn SourceManager::lineColumn(FileId file, uint32_t offset) const {
  const Buffer &buffer = buffers[file];
  auto next = std::upper_bound(buffer.lineStarts.begin(),
                               buffer.lineStarts.end(), offset);
  auto line = static_cast<unsigned>(next - buffer.lineStarts.begin());
  uint32_t start = buffer.lineStarts[line - 1];
  return {line,
          1 + countCodePoints(
                  std::string_view(buffer.text).substr(start, offset - start))};
}

uint32_t SourceManager::lineStart(FileId file, unsigned line) const {
  return buffers[file].lineStarts[line - 1];
}

std::string_view SourceManager::lineText(FileId file, unsigned line) const {
  std::string_view rest =
      std::string_view(buffers[file].text).substr(lineStart(file, line));
  std::string_view text = rest.substr(0, rest.find('\n'));
  if (!text.empty() && text.back() == '\r')
    text.remove_suffix(1);
  return text;
}

std::string SourceManager::place(SourceRange range) const {
  if (!range.isValid())
    return "";
  LineColumn at = lineColumn(range.file, range.begin);
  return name(range.file) + ":" + std::to_string(at.line) + ":" +
         std::to_string(at.column);
}
