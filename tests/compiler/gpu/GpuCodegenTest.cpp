// What compilation for a GPU makes, and what ptxas says of it.
#include "compiler/gpu/Ptxas.h"
#include "tests/support/GpuKernelRunner.h"
#include <gtest/gtest.h>

namespace pgtest {
namespace {

constexpr const char *cumsum = R"(
sched.kernel @cumsum(%x: tensor<4x37xf32>) attributes {kind = "loops", result_modes = ["store"]} {
  %y = pg.cumsum %x axis 1 : (tensor<4x37xf32>) -> tensor<4x37xf32>
  sched.yield %y : tensor<4x37xf32>
})";

TEST(GpuCodegen, PtxHasTheAgreedInterface) {
  std::string ptx = compileToPtx(cumsum);
  EXPECT_NE(ptx.find(".target sm_90a"), std::string::npos) << ptx;
  EXPECT_NE(ptx.find(".visible .entry cumsum("), std::string::npos) << ptx;
  EXPECT_NE(ptx.find(".reqntid 128"), std::string::npos) << ptx;
}

TEST(GpuCodegen, PtxasTakesIt) {
  if (!hasPtxas())
    GTEST_SKIP() << "no ptxas on the path: nobody looks whether the PTX of "
                    "these tests assembles";
  pgc::GpuCode code;
  code.ptx = compileToPtx(cumsum);
  std::string error;
  EXPECT_TRUE(succeeded(pgc::runPtxas(code, error))) << error;
  EXPECT_FALSE(code.cubin.empty());
  ASSERT_EQ(code.resources.size(), 1u);
  EXPECT_EQ(code.resources[0].name, "cumsum");
  EXPECT_GT(code.resources[0].registers, 0);
  code.ptx = "nonsense";
  EXPECT_TRUE(failed(pgc::runPtxas(code, error)));
  EXPECT_NE(error.find("ptxas refuses the code"), std::string::npos);
}

TEST(GpuCodegen, ReadsWhatPtxasSays) {
  auto kernels = pgc::parsePtxasLog(
      "ptxas info    : 0 bytes gmem\n"
      "ptxas info    : Compiling entry function 'a' for 'sm_90a'\n"
      "ptxas info    : Function properties for a\n"
      "    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads\n"
      "ptxas info    : Used 168 registers, used 1 barriers, 16 bytes "
      "cumulative "
      "stack size, 2048 bytes smem\n"
      "ptxas info    : Compiling entry function 'b' for 'sm_90a'\n"
      "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 8 registers, 352 bytes cmem[0]\n");
  ASSERT_EQ(kernels.size(), 2u);
  EXPECT_EQ(kernels[0].name, "a");
  EXPECT_EQ(kernels[0].registers, 168);
  EXPECT_EQ(kernels[0].sharedBytes, 2048);
  EXPECT_EQ(kernels[0].stackBytes, 16);
  EXPECT_EQ(kernels[0].spillStores, 8);
  EXPECT_EQ(kernels[0].spillLoads, 12);
  EXPECT_EQ(kernels[1].registers, 8);
  EXPECT_EQ(kernels[1].sharedBytes, 0);
}

TEST(GpuKernelRunner, ComparesResults) {
  EXPECT_EQ(checkGpuKernels(cumsum), "");
  KernelCheck check;
  check.tolerance = -1;
  EXPECT_NE(checkGpuKernels(cumsum, check), "");
}

} // namespace
} // namespace pgtest
