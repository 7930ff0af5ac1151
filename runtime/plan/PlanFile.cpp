#include "runtime/plan/PlanFile.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <cstring>

namespace pgrt {

static constexpr std::string_view magic("PGPLAN\r\n", 8);

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

std::string framePlan(const plan::Plan &plan) {
  if (plan.ByteSizeLong() > planMaxBytes)
    return "";
  std::string payload;
  {
    google::protobuf::io::StringOutputStream stream(&payload);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    plan.SerializeWithCachedSizes(&coded);
  }
  std::string file(magic);
  file.reserve(planHeaderBytes + payload.size());
  appendLittleEndian<uint32_t>(file, planVersion);
  appendLittleEndian<uint32_t>(file, 0);
  appendLittleEndian<uint64_t>(file, payload.size());
  Digest digest = sha256(payload);
  file.append(reinterpret_cast<const char *>(digest.data()), digest.size());
  file += payload;
  return file;
}

std::string unframePlan(std::string_view file, plan::Plan &plan,
                        Digest *digest) {
  size_t known = std::min(file.size(), magic.size());
  if (file.empty() || file.substr(0, known) != magic.substr(0, known))
    return "this is not a plan: it does not start as one";
  if (file.size() < planHeaderBytes)
    return "the file is cut off: it ends within its header";
  uint32_t version = readLittleEndian<uint32_t>(file.data() + 8);
  if (version != planVersion)
    return "the plan has version " + std::to_string(version) +
           ", this pgrt reads version " + std::to_string(planVersion) +
           ": compile the model again with the pgc that came with it";
  if (readLittleEndian<uint32_t>(file.data() + 12) != 0)
    return "the file is damaged: its header has an unknown flag";
  uint64_t size = readLittleEndian<uint64_t>(file.data() + 16);
  uint64_t present = file.size() - planHeaderBytes;
  if (size > planMaxBytes)
    return "the file is damaged: its header asks for " + std::to_string(size) +
           " bytes, more than any plan has";
  if (size > present)
    return "the file is cut off: " + std::to_string(size) +
           " bytes should follow the header, " + std::to_string(present) +
           " do";
  if (size < present)
    return "the file is damaged: " + std::to_string(present - size) +
           " bytes too many";
  std::string_view payload = file.substr(planHeaderBytes);
  Digest actual = sha256(payload);
  if (std::memcmp(actual.data(), file.data() + 24, actual.size()) != 0)
    return "the file is damaged: its content does not have the hash that its "
           "header states";
  google::protobuf::LogSilencer
      silencer; // what is wrong is for the caller to say
  if (!plan.ParseFromArray(payload.data(), int(payload.size())))
    return "the file is damaged: its content is not a plan message";
  if (digest)
    *digest = actual;
  return "";
}

} // namespace pgrt
