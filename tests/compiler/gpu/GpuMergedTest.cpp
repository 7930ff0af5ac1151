// Kernels as merge-launches leaves them, with sums in each copy: within rows,
// by several threads that exchange what they have, and over rows, with a block
// for each chunk.
#include "compiler/pgc/Passes.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "tests/support/GpuKernelRunner.h"
#include "llvm/Support/FormatVariadic.h"
#include <gtest/gtest.h>

using namespace mlir;

namespace pgtest {
namespace {

/// An update that calls @sums on three tensors of so many rows and columns,
/// through the passes that make one launch of it.
std::string mergeSums(int64_t rows, int64_t columns) {
  std::string x = llvm::formatv("tensor<{0}x{1}xf32>", rows, columns),
              g = llvm::formatv("tensor<{0}xf32>", columns),
              r = llvm::formatv("tensor<{0}x1xf32>", rows),
              s = llvm::formatv("tensor<3x{0}xf32>", columns);
  std::string text = llvm::formatv(
      R"(
sched.kernel @sums(%x: {0}, %g: {1}, %a: f64)
    attributes {{kind = "rows", outer = 1, chunks = 3, scalars = 1, result_modes = ["store", "store"]} {{
  %f = pg.splat %a : (f64) -> tensor<f32>
  %y = pg.mul %x, %f : ({0}, tensor<f32>) -> {0}
  %r = pg.reduce sum %y axes [1] : ({0}) -> {2}
  %z = pg.sub %y, %r : ({0}, {2}) -> {0}
  %w = pg.mul %z, %g : ({0}, {1}) -> {0}
  %s = pg.partial_sum %w {{chunks = 3 : i64, outer = 1 : i64} : ({0}) -> {3}
  sched.yield %z, %s : {0}, {3}
}
func.func @update(%x: {0}, %g: {1}, %y: {0}, %h: {1}) -> ({3}, {3}, {3}) attributes {{pg.role = "update", pg.phase = ""} {{
  %a = pg.progress
  %p:2 = sched.call @sums(%x, %g, %a) : ({0}, {1}, f64) -> ({0}, {3})
  %q:2 = sched.call @sums(%y, %h, %a) : ({0}, {1}, f64) -> ({0}, {3})
  %r:2 = sched.call @sums(%x, %h, %a) : ({0}, {1}, f64) -> ({0}, {3})
  return %p#1, %q#1, %r#1 : {3}, {3}, {3}
}
)",
      x, g, r, s);
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(text, &getTestContext());
  if (!module)
    return "does not parse";
  PassManager passes(&getTestContext());
  passes.addPass(pgc::createPlanKernels({/*gpu=*/true}));
  passes.addPass(pgc::createMergeLaunches());
  if (failed(passes.run(*module)))
    return "the passes fail";
  std::string merged;
  llvm::raw_string_ostream(merged) << *module;
  return merged;
}

void checkMergedSums(int64_t rows, int64_t columns) {
  std::string merged = mergeSums(rows, columns);
  EXPECT_NE(merged.find("copies = 3"), std::string::npos) << merged;
  EXPECT_EQ(checkGpuKernels(merged), "");
}

TEST(GpuMerged, RowsOfAFewThreads) { checkMergedSums(12, 96); }
TEST(GpuMerged, RowsOfABlock) { checkMergedSums(7, 1024); }
TEST(GpuMerged, OddRows) { checkMergedSums(40, 7); }

} // namespace
} // namespace pgtest
