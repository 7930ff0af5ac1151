#include "runtime/support/Safetensors.h"
#include "runtime/support/Error.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>

namespace pgrt {

static std::string withHeader(std::string header, const std::string &data) {
  uint64_t size = header.size();
  return std::string(reinterpret_cast<const char *>(&size), 8) + header + data;
}

TEST(Safetensors, RoundTrip) {
  std::string path = toy::testFolder() + "/a.safetensors";
  float values[6] = {1, -2, 3.5f, 0, 1e-30f, 1e30f};
  double wide[1] = {0.1};
  writeSafetensors(path, {{{"a.b", "F32", {2, 3}}, values},
                          {{"scalar", "F64", {}}, wide},
                          {{"none", "F32", {0}}, nullptr}});
  SafetensorsFile file(path);
  ASSERT_EQ(file.tensors().size(), 3u);
  const TensorInfo &tensor = *file.find("a.b");
  EXPECT_EQ(tensor.shape, (std::vector<int64_t>{2, 3}));
  float read[6];
  file.read(tensor, read);
  EXPECT_EQ(std::memcmp(read, values, sizeof read), 0);
  float narrowed;
  file.read(*file.find("scalar"), &narrowed);
  EXPECT_EQ(narrowed, 0.1f);
  EXPECT_EQ(file.find("nothing"), nullptr);
  // Nothing is left aside.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(
                              std::filesystem::path(path).parent_path()),
                          {}),
            1);
}

TEST(Safetensors, ConvertsHalfFormats) {
  std::string path = toy::testFolder() + "/a.safetensors";
  uint16_t half[5] = {0x3c00, 0xc100, 0x0001, 0x7bff, 0x8000},
           brain[1] = {0x3fc0};
  writeSafetensors(path, {{{"h", "F16", {5}}, half},
                          {{"b", "BF16", {1}}, brain},
                          {{"i", "I64", {0}}, nullptr}});
  SafetensorsFile file(path);
  float values[5];
  file.read(*file.find("h"), values);
  EXPECT_EQ(values[0], 1.0f);
  EXPECT_EQ(values[1], -2.5f);
  EXPECT_EQ(values[2], 0x1p-24f);
  EXPECT_EQ(values[3], 65504.0f);
  EXPECT_TRUE(std::signbit(values[4]));
  file.read(*file.find("b"), values);
  EXPECT_EQ(values[0], 1.5f);
  EXPECT_THROW(file.read(*file.find("i"), values), Error);
}

TEST(Safetensors, RefusesDamagedFiles) {
  std::string folder = toy::testFolder(), path = folder + "/a.safetensors";
  float values[2] = {1, 2};
  writeSafetensors(path, {{{"a", "F32", {2}}, values}});
  std::string whole = toy::readFile(path);
  for (size_t size = 0; size < whole.size(); ++size) {
    toy::writeFile(path, whole.substr(0, size));
    EXPECT_THROW(SafetensorsFile{path}, Error) << size;
  }
  for (
      const char *header :
      {"[]", "{", R"({"a":{}})",
       R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
       R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
       R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})",
       R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})",
       R"({"a":{"dtype":"F32","shape":[4611686018427387906],"data_offsets":[0,8]}})",
       R"({"a":{"dtype":"Q7","shape":[2],"data_offsets":[0,8]}})",
       R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}})",
       R"({"a":{"dtype":"F32","shape":"2","data_offsets":[0,8]}})",
       R"({"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}})",
       R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]}})"}) {
    toy::writeFile(path, withHeader(header, std::string(8, '\0')));
    EXPECT_THROW(SafetensorsFile{path}, Error) << header;
  }
  toy::writeFile(path, std::string(7, '\xff') + std::string(200, '{'));
  EXPECT_THROW(SafetensorsFile{path}, Error);
  EXPECT_THROW(SafetensorsFile{folder}, Error);
  EXPECT_THROW(SafetensorsFile{folder + "/missing"}, Error);
}

} // namespace pgrt
