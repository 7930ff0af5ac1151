// What compilation for a GPU makes, and what ptxas says of it.
#include "compiler/gpu/GpuResources.h"
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

TEST(GpuCodegen, ReadsWhatPtxAndPtxasSay) {
  std::vector<pgc::GpuResources> kernels =
      pgc::readPtx(".visible .entry a(\n.param)\n{ wgmma.mma_async.sync; "
                   "wgmma.mma_async.sync; }\n.visible .entry b()\n{ ret; }\n");
  pgc::addPtxasLog(
      "ptxas info    : 0 bytes gmem\n"
      "ptxas info    : Compiling entry function 'a' for 'sm_90a'\n"
      "ptxas info    : Function properties for a\n"
      "    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads\n"
      "ptxas info    : Used 168 registers, used 1 barriers, 16 bytes "
      "cumulative "
      "stack size, 2048 bytes smem\n"
      "ptxas info    : Compiling entry function 'b' for 'sm_90a'\n"
      "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 8 registers, 352 bytes cmem[0]\n",
      kernels);
  ASSERT_EQ(kernels.size(), 2u);
  EXPECT_EQ(kernels[0].name, "a");
  EXPECT_EQ(kernels[0].tensorCore, 2);
  EXPECT_EQ(kernels[0].registers, 168);
  EXPECT_EQ(kernels[0].sharedBytes, 2048);
  EXPECT_EQ(kernels[0].stackBytes, 16);
  EXPECT_EQ(kernels[0].spillStores, 8);
  EXPECT_EQ(kernels[0].spillLoads, 12);
  EXPECT_EQ(kernels[1].name, "b");
  EXPECT_EQ(kernels[1].tensorCore, 0);
  EXPECT_EQ(kernels[1].registers, 8);
  EXPECT_EQ(kernels[1].sharedBytes, 0);
}

TEST(GpuKernelRunner, ComparesResults) {
  EXPECT_EQ(checkGpuKernels(cumsum), "");
  KernelCheck check;
  check.tolerance = -1;
  EXPECT_NE(checkGpuKernels(cumsum, check), "");
}

// Three launches in one: each block finds the buffers of its copy.
TEST(GpuCopies, EachHasItsOwnBuffers) {
  EXPECT_EQ(checkGpuKernels(R"(
sched.kernel @k(%x: tensor<5x48xf32>, %w: tensor<48xf32>, %a: f64)
    attributes {kind = "rows", outer = 1, scalars = 1, result_modes = ["accumulate"]} {
  %s = pg.splat %a : (f64) -> tensor<f32>
  %y = pg.mul %x, %w : (tensor<5x48xf32>, tensor<48xf32>) -> tensor<5x48xf32>
  %z = pg.mul %y, %s : (tensor<5x48xf32>, tensor<f32>) -> tensor<5x48xf32>
  sched.yield %z : tensor<5x48xf32>
}
sched.kernel @k_x3(%x0: tensor<5x48xf32>, %w0: tensor<48xf32>, %x1: tensor<5x48xf32>, %w1: tensor<48xf32>,
                   %x2: tensor<5x48xf32>, %w2: tensor<48xf32>, %a: f64)
    attributes {kind = "rows", outer = 1, scalars = 1, result_modes = ["accumulate", "accumulate", "accumulate"],
                gpu = {grid = array<i64: 1, 3, 1>, threads = 64, copies = 3, copy_of = @k}} {
  %s = pg.splat %a : (f64) -> tensor<f32>
  %y0 = pg.mul %x0, %w0 : (tensor<5x48xf32>, tensor<48xf32>) -> tensor<5x48xf32>
  %z0 = pg.mul %y0, %s : (tensor<5x48xf32>, tensor<f32>) -> tensor<5x48xf32>
  %y1 = pg.mul %x1, %w1 : (tensor<5x48xf32>, tensor<48xf32>) -> tensor<5x48xf32>
  %z1 = pg.mul %y1, %s : (tensor<5x48xf32>, tensor<f32>) -> tensor<5x48xf32>
  %y2 = pg.mul %x2, %w2 : (tensor<5x48xf32>, tensor<48xf32>) -> tensor<5x48xf32>
  %z2 = pg.mul %y2, %s : (tensor<5x48xf32>, tensor<f32>) -> tensor<5x48xf32>
  sched.yield %z0, %z1, %z2 : tensor<5x48xf32>, tensor<5x48xf32>, tensor<5x48xf32>
})"),
            "");
}

// What some kernels do, and one launch that does the work of all: some without
// sums, some that share a row between threads and meet at barriers, one that
// sums over rows, one that is copies of another; with blocks of several sizes,
// and numbers of blocks that leave some of a block's without work.
TEST(GpuGroups, EachPartHasItsOwnBlocks) {
  std::string text = R"(
sched.kernel @flat(%x: tensor<70x48xf32>, %a: f64)
    attributes {kind = "rows", outer = 1, scalars = 1, result_modes = ["store"]} {
  %s = pg.splat %a : (f64) -> tensor<f32>
  %y = pg.mul %x, %s : (tensor<70x48xf32>, tensor<f32>) -> tensor<70x48xf32>
  sched.yield %y : tensor<70x48xf32>
}
sched.kernel @norm(%x: tensor<7x1024xf32>) attributes {kind = "rows", outer = 1, result_modes = ["store"]} {
  %y = pg.reduce sum %x axes [1] : (tensor<7x1024xf32>) -> tensor<7x1xf32>
  %z = pg.sub %x, %y : (tensor<7x1024xf32>, tensor<7x1xf32>) -> tensor<7x1024xf32>
  sched.yield %z : tensor<7x1024xf32>
}
sched.kernel @short(%x: tensor<9x40xf32>) attributes {kind = "rows", outer = 1, result_modes = ["accumulate"]} {
  %y = pg.reduce max %x axes [1] : (tensor<9x40xf32>) -> tensor<9x1xf32>
  %z = pg.sub %x, %y : (tensor<9x40xf32>, tensor<9x1xf32>) -> tensor<9x40xf32>
  sched.yield %z : tensor<9x40xf32>
}
sched.kernel @columns(%x: tensor<12x96xf32>) attributes {kind = "rows", outer = 1, chunks = 3, result_modes = ["store"]} {
  %y = pg.partial_sum %x {chunks = 3 : i64, outer = 1 : i64} : (tensor<12x96xf32>) -> tensor<3x96xf32>
  sched.yield %y : tensor<3x96xf32>
}
sched.kernel @scale(%x: tensor<5x48xf32>, %a: f64)
    attributes {kind = "rows", outer = 1, scalars = 1, result_modes = ["accumulate"]} {
  %s = pg.splat %a : (f64) -> tensor<f32>
  %y = pg.mul %x, %s : (tensor<5x48xf32>, tensor<f32>) -> tensor<5x48xf32>
  sched.yield %y : tensor<5x48xf32>
}
sched.kernel @scale_x2(%x0: tensor<5x48xf32>, %x1: tensor<5x48xf32>, %a: f64)
    attributes {kind = "rows", outer = 1, scalars = 1, result_modes = ["accumulate", "accumulate"],
                gpu = {grid = array<i64: 1, 2, 1>, threads = 64, copies = 2, copy_of = @scale}} {
  %s = pg.splat %a : (f64) -> tensor<f32>
  %y0 = pg.mul %x0, %s : (tensor<5x48xf32>, tensor<f32>) -> tensor<5x48xf32>
  %y1 = pg.mul %x1, %s : (tensor<5x48xf32>, tensor<f32>) -> tensor<5x48xf32>
  sched.yield %y0, %y1 : tensor<5x48xf32>, tensor<5x48xf32>
}
)";
  EXPECT_EQ(checkGpuKernels(groupKernels(
                text, {"flat", "norm", "short", "columns", "scale_x2"})),
            "");
}

// Accesses of 16 bytes where rows and types allow it.
TEST(GpuRows, WideAccesses) {
  std::string ptx = compileToPtx(R"(
sched.kernel @add(%x: tensor<64x512xbf16>, %y: tensor<64x512xbf16>)
    attributes {kind = "rows", outer = 1, result_modes = ["store"]} {
  %a = pg.convert %x : (tensor<64x512xbf16>) -> tensor<64x512xf32>
  %b = pg.convert %y : (tensor<64x512xbf16>) -> tensor<64x512xf32>
  %c = pg.add %a, %b : (tensor<64x512xf32>, tensor<64x512xf32>) -> tensor<64x512xf32>
  %z = pg.convert %c : (tensor<64x512xf32>) -> tensor<64x512xbf16>
  sched.yield %z : tensor<64x512xbf16>
})");
  EXPECT_NE(ptx.find("ld.global.v4.b32"), std::string::npos) << ptx;
  EXPECT_NE(ptx.find("st.global.v4.b32"), std::string::npos) << ptx;
  EXPECT_NE(ptx.find("cvt.rn.bf16x2.f32"), std::string::npos) << ptx;
}

} // namespace
} // namespace pgtest
