#include "runtime/support/Frame.h"
#include "runtime/support/Text.h"

#include <algorithm>
#include <cstring>

namespace pgrt {

template <typename T>
static void appendLittleEndian(std::string &out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i)
    out += char(value >> (8 * i) & 0xff);
}

template <typename T> static T readLittleEndian(const char *bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value |= T(uint8_t(bytes[i])) << (8 * i);
  return value;
}

std::string frame(const FrameKind &kind, std::string_view payload) {
  if (payload.size() > kind.maxBytes)
    return "";
  std::string file(kind.magic);
  file.reserve(frameHeaderBytes + payload.size());
  appendLittleEndian<uint32_t>(file, kind.version);
  appendLittleEndian<uint32_t>(file, 0);
  appendLittleEndian<uint64_t>(file, payload.size());
  Digest digest = sha256(payload);
  file.append(reinterpret_cast<const char *>(digest.data()), digest.size());
  file += payload;
  return file;
}

std::string unframe(const FrameKind &kind, std::string_view file,
                    std::string_view &payload, Digest *digest) {
  size_t known = std::min(file.size(), kind.magic.size());
  if (file.empty() || file.substr(0, known) != kind.magic.substr(0, known))
    return cat("this is not ", kind.named, ": it does not start as one");
  if (file.size() < frameHeaderBytes)
    return "the file is cut off: it ends within its header";
  uint32_t version = readLittleEndian<uint32_t>(file.data() + 8);
  if (version != kind.version)
    return cat("the ", kind.noun, " has version ", version,
               ", this program reads version ", kind.version, ": ",
               kind.otherwise);
  if (readLittleEndian<uint32_t>(file.data() + 12) != 0)
    return "the file is damaged: its header has an unknown flag";
  uint64_t size = readLittleEndian<uint64_t>(file.data() + 16);
  uint64_t present = file.size() - frameHeaderBytes;
  if (size > kind.maxBytes)
    return cat("the file is damaged: its header asks for ", size,
               " bytes, more than any ", kind.noun, " has");
  if (size > present)
    return cat("the file is cut off: ", size,
               " bytes should follow the header, ", present, " do");
  if (size < present)
    return cat("the file is damaged: ", present - size, " bytes too many");
  payload = file.substr(frameHeaderBytes);
  Digest actual = sha256(payload);
  if (std::memcmp(actual.data(), file.data() + 24, actual.size()) != 0)
    return "the file is damaged: its content does not have the hash that its "
           "header states";
  if (digest)
    *digest = actual;
  return "";
}

} // namespace pgrt
