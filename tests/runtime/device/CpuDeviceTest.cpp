#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/device/cpu/CodeObject.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/support/Error.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <cstring>
#include <elf.h>
#include <gtest/gtest.h>

namespace pgrt {

TEST(CpuDevice, MemoryIsZeroAlignedAndApart) {
  CpuDevice device(2);
  std::vector<int64_t> sizes = {0, 1, 4096, 5'000'000, 64};
  std::vector<void *> memory = device.allocate(sizes);
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory[i]) % 64, 0u);
    unsigned char *bytes = static_cast<unsigned char *>(memory[i]);
    for (int64_t at = 0; at < sizes[i] + 64;
         ++at) // reading past the end is allowed
      ASSERT_EQ(bytes[at], 0);
    std::memset(bytes, int(i) + 1, size_t(sizes[i]));
  }
  for (size_t i = 0; i < sizes.size(); ++i)
    for (int64_t at = 0; at < sizes[i]; ++at)
      ASSERT_EQ(static_cast<unsigned char *>(memory[i])[at], i + 1);
}

TEST(CpuDevice, FillAndCopy) {
  CpuDevice device(2);
  std::vector<void *> memory = device.allocate({10'000'000, 10'000'000});
  device.fill(memory[0], 0x3f800000, 9'999'996);
  device.copy(memory[1], memory[0], 10'000'000);
  const float *values = static_cast<const float *>(memory[1]);
  EXPECT_EQ(values[0], 1.0f);
  EXPECT_EQ(values[2'499'998], 1.0f);
  EXPECT_EQ(values[2'499'999], 0.0f);
  device.fill(memory[1], 0, 8'000'000);
  EXPECT_EQ(values[1'999'999], 0.0f);
  EXPECT_EQ(values[2'000'000], 1.0f);
}

TEST(CpuDevice, TellsWhenMemoryCannotBeHad) {
  CpuDevice device(1);
  try {
    device.allocate({int64_t(1) << 46, int64_t(1) << 46, int64_t(1) << 46});
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.code, ExitCode::Machine);
  }
}

TEST(CpuDevice, ErrorsInLoopsOnTheHostArePassedOn) {
  CpuDevice device(2);
  EXPECT_THROW(device.onHostThreads(10,
                                    [](int64_t i) {
                                      if (i == 7)
                                        failInput("seven");
                                    }),
               Error);
}

TEST(CodeObject, FindsItsOwnFunctionsOnly) {
  CodeObject code(toy::readFile(TOY_KERNELS));
  EXPECT_NE(code.find("toy_forward"), nullptr);
  EXPECT_EQ(code.find("toy_backward"), nullptr);
  EXPECT_EQ(code.find("expf"), nullptr); // of the C library
  EXPECT_EQ(code.find("system"), nullptr);
}

TEST(CodeObject, RefusesDamagedObjects) {
  std::string object = toy::readFile(TOY_KERNELS);
  EXPECT_EQ(checkElf(object), "");
  for (size_t size = 0; size < object.size(); size += size < 1200 ? 1 : 331)
    if (checkElf(object.substr(0, size)) == "") {
      // What is cut off behind the last segment is not needed to run.
      EXPECT_GT(size, object.size() / 4);
      break;
    }
  EXPECT_THROW(CodeObject(std::string("nonsense")), Error);
  EXPECT_THROW(CodeObject(std::string(1000, '\0')), Error);
  auto changed = [&](size_t at, uint16_t value) {
    std::string damaged = object;
    std::memcpy(damaged.data() + at, &value, 2);
    return checkElf(damaged);
  };
  EXPECT_NE(changed(offsetof(Elf64_Ehdr, e_machine), EM_AARCH64), "");
  EXPECT_NE(changed(offsetof(Elf64_Ehdr, e_type), ET_REL), "");
  EXPECT_NE(changed(offsetof(Elf64_Ehdr, e_phnum), 0), "");
  EXPECT_NE(changed(offsetof(Elf64_Ehdr, e_phnum), 0xffff), "");
  EXPECT_NE(changed(offsetof(Elf64_Ehdr, e_phoff) + 6, 0x7fff), "");
}

TEST(CodeObject, ChoosesTheBestThatThisCpuCanRun) {
  plan::Plan plan;
  auto add = [&](const char *target, const char *feature, uint32_t rank) {
    plan::Code *code = plan.add_code();
    code->set_target(target);
    code->set_rank(rank);
    if (*feature)
      code->add_features(feature);
  };
  add("impossible", "warp-drive", 9);
  EXPECT_THROW(chooseCode(plan), Error);
  add("base", "sse2", 1);
  add("better", "+sse2", 3);
  add("worse", "-warp-drive", 2);
  EXPECT_EQ(chooseCode(plan).target(), "better");
}

TEST(CodeObject, AMissingKernelIsAnError) {
  plan::Plan plan = toy::makePlan();
  plan.mutable_kernels(2)->set_symbol("toy_nothing");
  CpuDevice device(1);
  try {
    device.loadCode(plan);
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("toy_nothing"), std::string::npos);
  }
}

TEST(CpuFeatures, Names) {
  EXPECT_TRUE(cpuHasFeature("sse2"));
  EXPECT_TRUE(cpuHasFeature("+sse2"));
  EXPECT_TRUE(cpuHasFeature("-avx512f"));
  EXPECT_TRUE(cpuHasFeature("cx16"));
  EXPECT_FALSE(cpuHasFeature("nonsense"));
  EXPECT_GE(availableProcessors(), 1);
}

TEST(CpuDevice, PeakIsPlausible) {
  CpuDevice device(1);
  double peak = device.measurePeak("f32");
  EXPECT_GT(peak, 1e8);
  EXPECT_LT(peak, 1e13);
}

} // namespace pgrt
