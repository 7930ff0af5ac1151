// Targets, and compilation as a whole.
#include "mlir/Parser/Parser.h"
#include "tests/support/KernelRunner.h"
#include <gtest/gtest.h>

using namespace pgtest;

namespace {

/// Several kernels, so that there is more than one batch of them.
std::string someKernels() {
  std::string text;
  for (int i = 0; i < 14; ++i)
    text += "sched.kernel @k" + std::to_string(i) +
            "(%x: tensor<3x40xbf16>) attributes {kind = \"rows\", outer = 1, "
            "result_modes = [\"store\"]} {\n"
            "  %f = pg.convert %x : (tensor<3x40xbf16>) -> tensor<3x40xf32>\n  "
            "%e = pg.exp %f : (tensor<3x40xf32>) -> tensor<3x40xf32>\n"
            "  %y = pg.convert %e : (tensor<3x40xf32>) -> tensor<3x40xbf16>\n  "
            "sched.yield %y : tensor<3x40xbf16>\n}\n";
  return text;
}

TEST(Target, UnknownNamesAreRefused) {
  std::string error;
  EXPECT_TRUE(mlir::failed(pgc::getTarget("pentium", error)));
  EXPECT_EQ(error, "unknown target 'pentium': native, x86-64-v3, x86-64-v4, "
                   "x86-64-v4+bf16 and sm_90a are known");
}

TEST(Target, WideVectorsAndTheirConversions) {
  std::string v3 = compileToAssembly(someKernels(), "x86-64-v3");
  EXPECT_NE(v3.find("ymm"), std::string::npos);
  EXPECT_EQ(v3.find("zmm"), std::string::npos);
  std::string v4 = compileToAssembly(someKernels(), "x86-64-v4");
  EXPECT_NE(v4.find("zmm"), std::string::npos);
  EXPECT_EQ(v4.find("vcvtneps2bf16"), std::string::npos);
  EXPECT_NE(
      compileToAssembly(someKernels(), "x86-64-v4+bf16").find("vcvtneps2bf16"),
      std::string::npos);
}

TEST(Target, CodeDoesNotDependOnThreads) {
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>(someKernels(), &getTestContext());
  for (auto kernel : module->getOps<pg::sched::KernelOp>())
    ASSERT_TRUE(mlir::succeeded(pgc::planKernel(kernel)));
  std::string error;
  auto target = pgc::getTarget("x86-64-v3", error);
  auto one = pgc::compileKernels(*module, *target, 1),
       three = pgc::compileKernels(*module, *target, 3);
  ASSERT_TRUE(mlir::succeeded(one) && mlir::succeeded(three));
  EXPECT_TRUE(*one == *three);
}

} // namespace
