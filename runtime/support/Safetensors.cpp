#include "runtime/support/Safetensors.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/support/Checked.h"
#include "runtime/support/Error.h"
#include "runtime/support/Half.h"
#include "runtime/support/Json.h"

#include <bit>
#include <cstring>

namespace pgrt {

int64_t TensorInfo::elementBytes() const {
  static const std::map<std::string, int64_t> sizes = {
      {"F64", 8}, {"I64", 8}, {"U64", 8},  {"F32", 4}, {"I32", 4},
      {"U32", 4}, {"F16", 2}, {"BF16", 2}, {"I16", 2}, {"U16", 2},
      {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
  auto found = sizes.find(type);
  return found == sizes.end() ? 0 : found->second;
}

int64_t TensorInfo::elements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

static constexpr uint64_t maxHeaderBytes =
    100'000'000; // the format's own limit

SafetensorsFile::SafetensorsFile(const std::string &path) : file(path) {
  auto damaged = [&](const auto &...what) {
    failInput("'", path, "' is not a safetensors file, or damaged: ", what...);
  };
  std::string_view bytes = file.bytes();
  uint64_t headerBytes = 0;
  if (bytes.size() < 8)
    damaged("it has ", bytes.size(), " bytes");
  std::memcpy(&headerBytes, bytes.data(), 8);
  if (headerBytes > maxHeaderBytes || headerBytes > bytes.size() - 8)
    damaged("its header should have ", headerBytes, " bytes");
  JsonValue header;
  std::string problem = parseJson(bytes.substr(8, headerBytes), header);
  if (!problem.empty())
    damaged("header: ", problem);
  if (header.kind != JsonValue::Kind::Object)
    damaged("its header is not an object");
  int64_t available = int64_t(bytes.size() - 8 - headerBytes);
  for (size_t i = 0; i < header.names.size(); ++i) {
    const std::string &name = header.names[i];
    const JsonValue &entry = header.items[i];
    if (name == "__metadata__")
      continue;
    const JsonValue *type = entry.find("dtype"), *shape = entry.find("shape"),
                    *place = entry.find("data_offsets");
    if (!type || type->kind != JsonValue::Kind::String || !shape ||
        shape->kind != JsonValue::Kind::Array || !place ||
        place->kind != JsonValue::Kind::Array || place->items.size() != 2)
      damaged("tensor '", name, "' lacks dtype, shape or data_offsets");
    TensorInfo info{name, type->string, {}};
    for (const JsonValue &size : shape->items) {
      if (size.kind != JsonValue::Kind::Integer || size.integer < 0)
        damaged("tensor '", name, "' has a size that is not a number");
      info.shape.push_back(size.integer);
    }
    int64_t elements, size, begin = place->items[0].integer,
                            end = place->items[1].integer;
    if (info.elementBytes() == 0)
      damaged("tensor '", name, "' has the unknown type ", info.type);
    if (!checkedElements(info.shape, elements) ||
        !checkedMul(elements, info.elementBytes(), size) || begin < 0 ||
        end < begin || end > available || end - begin != size)
      damaged("the place of tensor '", name,
              "' does not fit its shape or the file");
    byName[name] = list.size();
    list.push_back(std::move(info));
    offsets.push_back(size_t(8 + headerBytes) + size_t(begin));
  }
}

const TensorInfo *SafetensorsFile::find(const std::string &name) const {
  auto found = byName.find(name);
  return found == byName.end() ? nullptr : &list[found->second];
}

const char *SafetensorsFile::data(const TensorInfo &tensor) const {
  return file.bytes().data() + offsets[byName.at(tensor.name)];
}

template <typename From, typename To, typename Convert>
static void convertAll(const char *from, int64_t begin, int64_t count, To *to,
                       Convert convert) {
  from += begin * int64_t(sizeof(From));
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(to, from, size_t(count) * sizeof(To));
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    From element; // the file's bytes need not be aligned
    std::memcpy(&element, from + i * int64_t(sizeof(From)), sizeof(From));
    to[i] = To(convert(element));
  }
}

template <typename To>
static void readAs(const SafetensorsFile &file, const TensorInfo &tensor,
                   int64_t begin, int64_t count, To *out) {
  const char *from = file.data(tensor);
  if (tensor.type == "F32")
    convertAll<float>(from, begin, count, out, [](float x) { return x; });
  else if (tensor.type == "F64")
    convertAll<double>(from, begin, count, out, [](double x) { return x; });
  else if (tensor.type == "F16")
    convertAll<uint16_t>(from, begin, count, out, halfToFloat);
  else if (tensor.type == "BF16")
    convertAll<uint16_t>(from, begin, count, out, [](uint16_t x) {
      return std::bit_cast<float>(uint32_t(x) << 16);
    });
  else
    failInput("'", file.path(), "': tensor '", tensor.name, "' has type ",
              tensor.type, ", a float type is needed");
}

void SafetensorsFile::read(const TensorInfo &tensor, int64_t begin,
                           int64_t count, float *out) const {
  readAs(*this, tensor, begin, count, out);
}
void SafetensorsFile::read(const TensorInfo &tensor, int64_t begin,
                           int64_t count, double *out) const {
  readAs(*this, tensor, begin, count, out);
}

void writeSafetensors(const std::string &path,
                      const std::vector<TensorSource> &tensors) {
  JsonWriter header;
  header.beginObject()
      .key("__metadata__")
      .beginObject()
      .field("format", "pt")
      .endObject();
  int64_t offset = 0;
  for (const TensorSource &tensor : tensors) {
    int64_t bytes = tensor.info.elements() * tensor.info.elementBytes();
    header.key(tensor.info.name)
        .beginObject()
        .field("dtype", tensor.info.type)
        .key("shape")
        .beginArray();
    for (int64_t size : tensor.info.shape)
      header.value(size);
    header.endArray()
        .key("data_offsets")
        .beginArray()
        .value(offset)
        .value(offset + bytes)
        .endArray()
        .endObject();
    offset += bytes;
  }
  header.endObject();
  std::string text = header.text();
  text.append((8 - text.size() % 8) % 8, ' ');
  uint64_t size = text.size();
  AtomicFile file(path);
  file.write(&size, sizeof size);
  file.write(text);
  for (const TensorSource &tensor : tensors)
    file.write(tensor.data,
               size_t(tensor.info.elements() * tensor.info.elementBytes()));
  file.commit();
}

} // namespace pgrt
