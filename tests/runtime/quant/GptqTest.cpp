#include "runtime/quant/Gptq.h"

#include "runtime/support/Error.h"
#include "runtime/support/Safetensors.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace pgrt;

namespace {

std::vector<float> readAll(const SafetensorsFile &file,
                           const std::string &name) {
  const TensorInfo *info = file.find(name);
  EXPECT_NE(info, nullptr) << name;
  std::vector<float> values(info->elements());
  file.read(*info, values.data());
  return values;
}

/// The golden case: every code, for three shapes, three kinds of scale, one
/// dead column.
TEST(Gptq, AgreesWithTheGoldenCodes) {
  SafetensorsFile file(GOLDEN "/gptq/expected.safetensors");
  for (std::string matrix : {"0", "1", "2"}) {
    std::vector<float> weights = readAll(file, matrix + ".w"),
                       hessian = readAll(file, matrix + ".h");
    const TensorInfo &shape = *file.find(matrix + ".w");
    for (auto [kind, bits] :
         {std::pair{"sdclip6", 6}, {"sdclip8", 8}, {"pct6", 6}}) {
      std::string name = matrix + "." + kind;
      std::vector<float> scales = readAll(file, name + ".s");
      GptqProblem<float> problem{weights,        hessian,
                                 scales,         shape.shape[0],
                                 shape.shape[1], (1 << (bits - 1)) - 1};
      std::vector<int32_t> codes = gptq(problem, name.c_str());
      const TensorInfo *expected = file.find(name + ".q");
      ASSERT_EQ(expected->elements(), static_cast<int64_t>(codes.size()));
      auto *want = reinterpret_cast<const int8_t *>(file.data(*expected));
      size_t different = 0;
      for (size_t i = 0; i < codes.size(); ++i)
        different += codes[i] != want[i];
      EXPECT_EQ(different, 0u) << name << ": of " << codes.size();
    }
  }
}

TEST(Gptq, IsRoundingWhereInputsAreIndependent) {
  std::vector<float> weights = {0.26f, -0.9f, 0.1f, 0.74f},
                     scales = {0.1f, 0.5f}, hessian = {2, 0, 0, 2};
  EXPECT_EQ(gptq(GptqProblem<float>{weights, hessian, scales, 2, 2, 31}, "w"),
            (std::vector<int32_t>{3, -9, 0, 1}));
}

TEST(Gptq, ClipsToTheTopCode) {
  std::vector<float> weights = {100.0f, -100.0f}, scales = {0.1f, 0.1f},
                     hessian = {1};
  EXPECT_EQ(gptq(GptqProblem<float>{weights, hessian, scales, 2, 1, 31}, "w"),
            (std::vector<int32_t>{31, -31}));
}

TEST(Gptq, RefusesAHessianThatIsNotFinite) {
  std::vector<float> weights = {1, 1}, scales = {1}, hessian = {NAN, 0, 0, 1};
  EXPECT_THROW(
      gptq(GptqProblem<float>{weights, hessian, scales, 1, 2, 31}, "w"), Error);
}

TEST(Gptq, RefusesAnIndefiniteHessian) {
  std::vector<float> weights = {1, 1}, scales = {1}, hessian = {1, 5, 5, 1};
  EXPECT_THROW(
      gptq(GptqProblem<float>{weights, hessian, scales, 1, 2, 31}, "w"), Error);
}

} // namespace
