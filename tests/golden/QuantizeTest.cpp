// The golden case of GPTQ through a compiled plan: scales and codes as the
// program `quantize` stores them, and what `decode` makes of these.
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/executor/Executor.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/PlanLoader.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Safetensors.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

namespace pgrt {
namespace {

std::unique_ptr<LoadedPlan> compileModel() {
  std::string folder = testing::TempDir() + "golden-quantize";
  std::filesystem::create_directories(folder);
  std::filesystem::copy(MODELS "/lib", folder + "/lib",
                        std::filesystem::copy_options::recursive |
                            std::filesystem::copy_options::overwrite_existing);
  std::filesystem::copy_file(GOLDEN "/gptq/model.pgm", folder + "/model.pgm",
                             std::filesystem::copy_options::overwrite_existing);
  std::string plan = folder + "/model.plan";
  std::string command =
      std::string(PGC) + " --numerics=f32 " + folder + "/model.pgm -o " + plan;
  EXPECT_EQ(std::system(command.c_str()), 0);
  return loadPlan(plan);
}

class GoldenLeaves : public testing::Test {
protected:
  void SetUp() override {
    loaded = compileModel();
    device = std::make_unique<CpuDevice>(2);
    executor = std::make_unique<Executor>(loaded->plan, *device);
  }

  int parameterIndex(const std::string &name) const {
    for (int i = 0; i < loaded->plan.parameters_size(); ++i)
      if (loaded->plan.parameters(i).name() == name)
        return i;
    ADD_FAILURE() << "no parameter " << name;
    return 0;
  }

  std::vector<float> golden(const std::string &name) const {
    const TensorInfo *info = file.find(name);
    EXPECT_NE(info, nullptr) << name;
    std::vector<float> values(size_t(info->elements()));
    if (info->type == "I8") {
      const auto *bytes = reinterpret_cast<const int8_t *>(file.data(*info));
      values.assign(bytes, bytes + values.size());
    } else {
      file.read(*info, values.data());
    }
    return values;
  }

  void write(const plan::Slot &slot, const std::vector<float> &values) {
    device->write(executor->address(slot), values.data(),
                  int64_t(values.size() * sizeof(float)));
  }
  std::vector<float> read(const plan::Slot &slot, size_t count) const {
    std::vector<float> values(count);
    device->read(values.data(), executor->address(slot),
                 int64_t(count * sizeof(float)));
    return values;
  }

  SafetensorsFile file{GOLDEN "/gptq/expected.safetensors"};
  std::unique_ptr<LoadedPlan> loaded;
  std::unique_ptr<CpuDevice> device;
  std::unique_ptr<Executor> executor;
};

TEST_F(GoldenLeaves, ScalesAndCodesAreThoseOfTheReference) {
  const plan::Plan &plan = loaded->plan;
  std::vector<double> scalars = evaluateScalars(plan, 0, 0);
  for (std::string i : {"0", "1", "2"})
    for (std::string kind : {"sdclip6", "sdclip8", "pct6"}) {
      const plan::Parameter &p =
          plan.parameters(parameterIndex(i + "." + kind + ".w"));
      write(p.slot(), golden(i + ".w"));
      write(p.hessian(), golden(i + ".h"));
    }
  executor->run(*findProgram(plan, "quantize"), scalars);
  int64_t wrong = 0, all = 0;
  for (std::string i : {"0", "1", "2"})
    for (std::string kind : {"sdclip6", "sdclip8", "pct6"}) {
      std::string name = i + "." + kind;
      int index = parameterIndex(name + ".w");
      const plan::Quantizer &quantizer = plan.quantization().quantizers(index);
      ASSERT_EQ(quantizer.leaves_size(), 2);
      std::vector<float> scale = golden(name + ".s"),
                         codes = golden(name + ".q");
      std::vector<float> storedScale =
          read(quantizer.leaves(0).slot(), scale.size());
      std::vector<float> storedCodes =
          read(quantizer.leaves(1).slot(), codes.size());
      EXPECT_EQ(scale, storedScale) << name;
      for (size_t j = 0; j < codes.size(); ++j)
        wrong += codes[j] != storedCodes[j];
      all += int64_t(codes.size());
    }
  EXPECT_LE(double(wrong), 1e-4 * double(all));

  executor->run(*findProgram(plan, "decode"), scalars);
  std::vector<float> scale = golden("1.sdclip6.s"),
                     codes = golden("1.sdclip6.q");
  std::vector<float> decoded =
      read(plan.parameters(parameterIndex("1.sdclip6.w")).slot(), codes.size());
  int64_t different = 0;
  for (size_t j = 0; j < codes.size(); ++j)
    different += decoded[j] != codes[j] * scale[j / 256];
  EXPECT_LE(double(different), 1e-4 * double(codes.size()));
}

} // namespace
} // namespace pgrt
