// Rows kernels against the interpreter.
#include "tests/support/KernelRunner.h"
#include <gtest/gtest.h>

using namespace pgtest;

namespace {

/// Replaces every occurrence of the words by what they stand for.
std::string
replace(std::string text,
        std::initializer_list<std::pair<std::string, std::string>> words) {
  for (auto &[word, by] : words)
    for (size_t at = text.find(word); at != std::string::npos;
         at = text.find(word, at + by.size()))
      text.replace(at, word.size(), by);
  return text;
}

const int64_t raggedSizes[] = {1, 3, 8, 37, 48, 65, 200};

TEST(RowsKernel, ResidualMix) {
  for (int64_t n : raggedSizes)
    EXPECT_EQ("", checkKernels(replace(R"(
sched.kernel @mix(%x: tensor<2x5xNxf32>, %x0: tensor<2x5xNxf32>, %m: tensor<2xNxf32>, %a: f64)
    attributes {kind = "rows", outer = 2, scalars = 1, result_modes = ["store"]} {
  %m0 = pg.slice %m offsets [0, 0] sizes [1, N] : (tensor<2xNxf32>) -> tensor<1xNxf32>
  %m1 = pg.slice %m offsets [1, 0] sizes [1, N] : (tensor<2xNxf32>) -> tensor<1xNxf32>
  %s = pg.splat %a : (f64) -> tensor<f32>
  %p = pg.mul %m0, %x : (tensor<1xNxf32>, tensor<2x5xNxf32>) -> tensor<2x5xNxf32>
  %q = pg.mul %m1, %x0 : (tensor<1xNxf32>, tensor<2x5xNxf32>) -> tensor<2x5xNxf32>
  %r = pg.add %p, %q : (tensor<2x5xNxf32>, tensor<2x5xNxf32>) -> tensor<2x5xNxf32>
  %y = pg.mul %r, %s : (tensor<2x5xNxf32>, tensor<f32>) -> tensor<2x5xNxf32>
  sched.yield %y : tensor<2x5xNxf32>
})",
                                       {{"N", std::to_string(n)}})));
}

TEST(RowsKernel, RmsNormKeepsWhatIsShared) {
  for (const char *type : {"f32", "f64"})
    for (int64_t n : raggedSizes)
      EXPECT_EQ("",
                checkKernels(replace(R"(
sched.kernel @norm(%x: tensor<7xNxT>, %a: tensor<7xNxT>, %w: tensor<NxT>)
    attributes {kind = "rows", outer = 1, chunks = 3 : i64, result_modes = ["store", "store", "store"]} {
  %eps = pg.constant dense<1.0e-6> : tensor<T>
  %count = pg.constant dense<N.0> : tensor<T>
  %wa = pg.mul %a, %w : (tensor<7xNxT>, tensor<NxT>) -> tensor<7xNxT>
  %u = pg.add %x, %wa : (tensor<7xNxT>, tensor<7xNxT>) -> tensor<7xNxT>
  %t = pg.tanh %u : (tensor<7xNxT>) -> tensor<7xNxT>
  %q = pg.mul %t, %t : (tensor<7xNxT>, tensor<7xNxT>) -> tensor<7xNxT>
  %s = pg.reduce sum %q axes [1] : (tensor<7xNxT>) -> tensor<7x1xT>
  %mean = pg.div %s, %count : (tensor<7x1xT>, tensor<T>) -> tensor<7x1xT>
  %e = pg.add %mean, %eps : (tensor<7x1xT>, tensor<T>) -> tensor<7x1xT>
  %r = pg.rsqrt %e : (tensor<7x1xT>) -> tensor<7x1xT>
  %y = pg.mul %t, %r : (tensor<7xNxT>, tensor<7x1xT>) -> tensor<7xNxT>
  sched.yield %u, %y, %r : tensor<7xNxT>, tensor<7xNxT>, tensor<7x1xT>
})",
                                     {{"N", std::to_string(n)},
                                      {"xT", std::string("x") + type},
                                      {"<T>", std::string("<") + type + ">"}})))
          << type << " " << n;
}

TEST(RowsKernel, RopeOfValuesOnOneAxis) {
  EXPECT_EQ("", checkKernels(R"(
sched.kernel @rope(%a: tensor<2x5x12xf32>, %b: tensor<2x5x12xf32>, %cos: tensor<5x2xf32>, %sin: tensor<5x2xf32>)
    attributes {kind = "rows", outer = 2, result_modes = ["store"]} {
  %x = pg.add %a, %b : (tensor<2x5x12xf32>, tensor<2x5x12xf32>) -> tensor<2x5x12xf32>
  %h = pg.reshape %x : (tensor<2x5x12xf32>) -> tensor<2x5x2x6xf32>
  %y = pg.rope %h, %cos, %sin : (tensor<2x5x2x6xf32>, tensor<5x2xf32>, tensor<5x2xf32>) -> tensor<2x5x2x6xf32>
  sched.yield %y : tensor<2x5x2x6xf32>
})"));
}

TEST(RowsKernel, QueriesNormalizedRotatedScaled) {
  // Norm per head, rotation of the first features, a gain per head; from and to
  // the flat layout.
  for (auto [heads, width, turned] :
       {std::tuple(8, 64, 8), {3, 16, 8}, {3, 16, 5}, {1, 37, 1}, {2, 48, 24}})
    for (const char *inverse : {"", "inverse"})
      EXPECT_EQ("", checkKernels(
                        replace(R"(
sched.kernel @q(%x: tensor<2x5xCxf32>, %g: tensor<Hxf32>, %cos: tensor<5xNxf32>, %sin: tensor<5xNxf32>)
    attributes {kind = "rows", outer = 2, result_modes = ["store", "store"]} {
  %eps = pg.constant dense<1.0e-6> : tensor<f32>
  %h = pg.reshape %x : (tensor<2x5xCxf32>) -> tensor<2x5xHxDxf32>
  %q = pg.mul %h, %h : (tensor<2x5xHxDxf32>, tensor<2x5xHxDxf32>) -> tensor<2x5xHxDxf32>
  %s = pg.reduce sum %q axes [3] : (tensor<2x5xHxDxf32>) -> tensor<2x5xHx1xf32>
  %e = pg.add %s, %eps : (tensor<2x5xHx1xf32>, tensor<f32>) -> tensor<2x5xHx1xf32>
  %r = pg.rsqrt %e : (tensor<2x5xHx1xf32>) -> tensor<2x5xHx1xf32>
  %n = pg.mul %h, %r : (tensor<2x5xHxDxf32>, tensor<2x5xHx1xf32>) -> tensor<2x5xHxDxf32>
  %t = pg.rope %n, %cos, %sin INV : (tensor<2x5xHxDxf32>, tensor<5xNxf32>, tensor<5xNxf32>) -> tensor<2x5xHxDxf32>
  %g1 = pg.reshape %g : (tensor<Hxf32>) -> tensor<Hx1xf32>
  %y = pg.mul %t, %g1 : (tensor<2x5xHxDxf32>, tensor<Hx1xf32>) -> tensor<2x5xHxDxf32>
  %z = pg.reshape %y : (tensor<2x5xHxDxf32>) -> tensor<2x5xCxf32>
  %b = pg.convert %z : (tensor<2x5xCxf32>) -> tensor<2x5xCxbf16>
  sched.yield %y, %b : tensor<2x5xHxDxf32>, tensor<2x5xCxbf16>
})",
                                {{"xC", "x" + std::to_string(heads * width)},
                                 {"xHx", "x" + std::to_string(heads) + "x"},
                                 {"<Hx", "<" + std::to_string(heads) + "x"},
                                 {"xDx", "x" + std::to_string(width) + "x"},
                                 {"5xNx", "5x" + std::to_string(turned) + "x"},
                                 {"INV", inverse}})))
          << heads << " " << width << " " << turned;
}

TEST(RowsKernel, CrossEntropyAndItsGradient) {
  for (int64_t n : raggedSizes)
    EXPECT_EQ("", checkKernels(replace(R"(
sched.kernel @nll(%z: tensor<6xNxf32>, %ids: tensor<6xi64>)
    attributes {kind = "rows", outer = 1, chunks = 4 : i64, result_modes = ["store", "store", "store"]} {
  %cap = pg.constant dense<30.0> : tensor<f32>
  %c = pg.div %z, %cap : (tensor<6xNxf32>, tensor<f32>) -> tensor<6xNxf32>
  %t = pg.tanh %c : (tensor<6xNxf32>) -> tensor<6xNxf32>
  %l = pg.mul %t, %cap : (tensor<6xNxf32>, tensor<f32>) -> tensor<6xNxf32>
  %m = pg.reduce max %l axes [1] : (tensor<6xNxf32>) -> tensor<6x1xf32>
  %d = pg.sub %l, %m : (tensor<6xNxf32>, tensor<6x1xf32>) -> tensor<6xNxf32>
  %e = pg.exp %d : (tensor<6xNxf32>) -> tensor<6xNxf32>
  %s = pg.reduce sum %e axes [1] : (tensor<6xNxf32>) -> tensor<6x1xf32>
  %g = pg.log %s : (tensor<6x1xf32>) -> tensor<6x1xf32>
  %lse = pg.add %g, %m : (tensor<6x1xf32>, tensor<6x1xf32>) -> tensor<6x1xf32>
  %p = pg.pick %l, %ids : (tensor<6xNxf32>, tensor<6xi64>) -> tensor<6x1xf32>
  %nll = pg.sub %lse, %p : (tensor<6x1xf32>, tensor<6x1xf32>) -> tensor<6x1xf32>
  %soft = pg.div %e, %s : (tensor<6xNxf32>, tensor<6x1xf32>) -> tensor<6xNxf32>
  %iota = pg.iota axis 1 : tensor<6xNxi64>
  %idr = pg.reshape %ids : (tensor<6xi64>) -> tensor<6x1xi64>
  %hot = pg.compare eq %iota, %idr : (tensor<6xNxi64>, tensor<6x1xi64>) -> tensor<6xNxi1>
  %one = pg.convert %hot : (tensor<6xNxi1>) -> tensor<6xNxf32>
  %grad = pg.sub %soft, %one : (tensor<6xNxf32>, tensor<6xNxf32>) -> tensor<6xNxf32>
  %sum = pg.partial_sum %nll {chunks = 4 : i64, outer = 1 : i64} : (tensor<6x1xf32>) -> tensor<4x1xf32>
  sched.yield %nll, %grad, %sum : tensor<6x1xf32>, tensor<6xNxf32>, tensor<4x1xf32>
})",
                                       {{"6xN", "6x" + std::to_string(n)}}),
                               {.deviation = 20, .low = -1, .high = n + 1}))
        << n;
}

TEST(RowsKernel, SumsOverRowsAccumulateAndBroadcast) {
  for (int64_t n : raggedSizes)
    EXPECT_EQ("", checkKernels(replace(R"(
sched.kernel @partial(%x: tensor<3x7xNxf32>, %w: tensor<7xNxf32>, %b: tensor<3x1x1xf32>, %m: tensor<Nxi1>)
    attributes {kind = "rows", outer = 2, chunks = 5 : i64, result_modes = ["store", "accumulate", "accumulate"]} {
  %y = pg.mul %x, %w : (tensor<3x7xNxf32>, tensor<7xNxf32>) -> tensor<3x7xNxf32>
  %z = pg.mul %y, %b : (tensor<3x7xNxf32>, tensor<3x1x1xf32>) -> tensor<3x7xNxf32>
  %s = pg.partial_sum %z {chunks = 5 : i64, outer = 2 : i64} : (tensor<3x7xNxf32>) -> tensor<5xNxf32>
  %t = pg.partial_sum %x {chunks = 5 : i64, outer = 2 : i64} : (tensor<3x7xNxf32>) -> tensor<5xNxf32>
  %c = pg.select %m, %z, %x : (tensor<Nxi1>, tensor<3x7xNxf32>, tensor<3x7xNxf32>) -> tensor<3x7xNxf32>
  sched.yield %s, %t, %c : tensor<5xNxf32>, tensor<5xNxf32>, tensor<3x7xNxf32>
}
sched.kernel @total(%x: tensor<5xNxf32>) attributes {kind = "rows", outer = 0, result_modes = ["accumulate"]} {
  %s = pg.reduce sum %x axes [0] : (tensor<5xNxf32>) -> tensor<1xNxf32>
  %r = pg.reshape %s : (tensor<1xNxf32>) -> tensor<Nxf32>
  sched.yield %r : tensor<Nxf32>
})",
                                       {{"xN", "x" + std::to_string(n)},
                                        {"<N", "<" + std::to_string(n)}})))
        << n;
}

TEST(RowsKernel, XsaOfGroupedHeads) {
  EXPECT_EQ("", checkKernels(R"(
sched.kernel @xsa(%y: tensor<2x3x8x16xf32>, %v: tensor<2x3x4x16xf32>) attributes {kind = "rows", outer = 2, result_modes = ["store"]} {
  %y5 = pg.reshape %y : (tensor<2x3x8x16xf32>) -> tensor<2x3x4x2x16xf32>
  %v5 = pg.reshape %v : (tensor<2x3x4x16xf32>) -> tensor<2x3x4x1x16xf32>
  %vv = pg.mul %v5, %v5 : (tensor<2x3x4x1x16xf32>, tensor<2x3x4x1x16xf32>) -> tensor<2x3x4x1x16xf32>
  %s = pg.reduce sum %vv axes [4] : (tensor<2x3x4x1x16xf32>) -> tensor<2x3x4x1x1xf32>
  %n = pg.sqrt %s : (tensor<2x3x4x1x1xf32>) -> tensor<2x3x4x1x1xf32>
  %u = pg.div %v5, %n : (tensor<2x3x4x1x16xf32>, tensor<2x3x4x1x1xf32>) -> tensor<2x3x4x1x16xf32>
  %p = pg.mul %y5, %u : (tensor<2x3x4x2x16xf32>, tensor<2x3x4x1x16xf32>) -> tensor<2x3x4x2x16xf32>
  %d = pg.reduce sum %p axes [4] : (tensor<2x3x4x2x16xf32>) -> tensor<2x3x4x2x1xf32>
  %q = pg.mul %d, %u : (tensor<2x3x4x2x1xf32>, tensor<2x3x4x1x16xf32>) -> tensor<2x3x4x2x16xf32>
  %r = pg.sub %y5, %q : (tensor<2x3x4x2x16xf32>, tensor<2x3x4x2x16xf32>) -> tensor<2x3x4x2x16xf32>
  %z = pg.reshape %r : (tensor<2x3x4x2x16xf32>) -> tensor<2x3x128xf32>
  sched.yield %z : tensor<2x3x128xf32>
})"));
}

TEST(RowsKernel, PiecesMovedWithinARow) {
  for (int64_t n : {4, 10, 37, 64})
    EXPECT_EQ("",
              checkKernels(replace(R"(
sched.kernel @move(%x: tensor<5xNxf32>, %y: tensor<5xMxf32>)
    attributes {kind = "rows", outer = 1, result_modes = ["store", "store", "store"]} {
  %a = pg.exp %x : (tensor<5xNxf32>) -> tensor<5xNxf32>
  %p = pg.pad %a low [0, 3] high [0, N] : (tensor<5xNxf32>) -> tensor<5xMxf32>
  %s = pg.add %p, %y : (tensor<5xMxf32>, tensor<5xMxf32>) -> tensor<5xMxf32>
  %r = pg.reduce sum %s axes [1] : (tensor<5xMxf32>) -> tensor<5x1xf32>
  %q = pg.mul %s, %r : (tensor<5xMxf32>, tensor<5x1xf32>) -> tensor<5xMxf32>
  %c = pg.slice %q offsets [0, 2] sizes [5, N] : (tensor<5xMxf32>) -> tensor<5xNxf32>
  %h = pg.shift %x axis 1 by 2 : (tensor<5xNxf32>) -> tensor<5xNxf32>
  %d = pg.add %c, %h : (tensor<5xNxf32>, tensor<5xNxf32>) -> tensor<5xNxf32>
  sched.yield %d, %q, %r : tensor<5xNxf32>, tensor<5xMxf32>, tensor<5x1xf32>
})",
                                   {{"N", std::to_string(n)},
                                    {"xM", "x" + std::to_string(2 * n + 3)}})))
        << n;
}

TEST(RowsKernel, LargeSingleRow) {
  EXPECT_EQ("", checkKernels(R"(
sched.kernel @transpose(%x: tensor<300x130xf32>, %y: tensor<130x300xf32>)
    attributes {kind = "rows", outer = 0, chunks = 1 : i64, result_modes = ["store"]} {
  %t = pg.transpose %x permutation [1, 0] : (tensor<300x130xf32>) -> tensor<130x300xf32>
  %s = pg.add %t, %y : (tensor<130x300xf32>, tensor<130x300xf32>) -> tensor<130x300xf32>
  sched.yield %s : tensor<130x300xf32>
})"));
}

TEST(RowsKernel, ReshapesThatShareNoAxes) {
  EXPECT_EQ("", checkKernels(R"(
sched.kernel @fold(%x: tensor<3x24xf32>) attributes {kind = "rows", outer = 1, result_modes = ["store", "store"]} {
  %e = pg.exp %x : (tensor<3x24xf32>) -> tensor<3x24xf32>
  %a = pg.reshape %e : (tensor<3x24xf32>) -> tensor<3x6x4xf32>
  %s = pg.reduce sum %a axes [2] : (tensor<3x6x4xf32>) -> tensor<3x6x1xf32>
  %n = pg.div %a, %s : (tensor<3x6x4xf32>, tensor<3x6x1xf32>) -> tensor<3x6x4xf32>
  %b = pg.reshape %n : (tensor<3x6x4xf32>) -> tensor<3x3x8xf32>
  %m = pg.reduce max %b axes [1] : (tensor<3x3x8xf32>) -> tensor<3x1x8xf32>
  %c = pg.sub %b, %m : (tensor<3x3x8xf32>, tensor<3x1x8xf32>) -> tensor<3x3x8xf32>
  %t = pg.transpose %c permutation [0, 2, 1] : (tensor<3x3x8xf32>) -> tensor<3x8x3xf32>
  %r = pg.reshape %t : (tensor<3x8x3xf32>) -> tensor<3x24xf32>
  sched.yield %r, %m : tensor<3x24xf32>, tensor<3x1x8xf32>
})"));
}

TEST(RowsKernel, IntegersAndMasks) {
  EXPECT_EQ("", checkKernels(R"(
sched.kernel @hash(%x: tensor<4x13xi64>, %y: tensor<4x13xi64>)
    attributes {kind = "rows", outer = 1, result_modes = ["store", "store", "store", "store"]} {
  %k = pg.constant dense<36313> : tensor<i64>
  %m = pg.constant dense<7> : tensor<i64>
  %z = pg.constant dense<0> : tensor<i64>
  %a = pg.mul %x, %k : (tensor<4x13xi64>, tensor<i64>) -> tensor<4x13xi64>
  %b = pg.xor %a, %y : (tensor<4x13xi64>, tensor<4x13xi64>) -> tensor<4x13xi64>
  %c = pg.mod %b, %m : (tensor<4x13xi64>, tensor<i64>) -> tensor<4x13xi64>
  %d = pg.floordiv %x, %y : (tensor<4x13xi64>, tensor<4x13xi64>) -> tensor<4x13xi64>
  %e = pg.compare lt %c, %d : (tensor<4x13xi64>, tensor<4x13xi64>) -> tensor<4x13xi1>
  %f = pg.compare ne %x, %z : (tensor<4x13xi64>, tensor<i64>) -> tensor<4x13xi1>
  %g = pg.and %e, %f : (tensor<4x13xi1>, tensor<4x13xi1>) -> tensor<4x13xi1>
  %h = pg.convert %g : (tensor<4x13xi1>) -> tensor<4x13xf32>
  %i = pg.reduce sum %c axes [1] : (tensor<4x13xi64>) -> tensor<4x1xi64>
  sched.yield %c, %g, %h, %i : tensor<4x13xi64>, tensor<4x13xi1>, tensor<4x13xf32>, tensor<4x1xi64>
})",
                             {.low = -9, .high = 9}));
}

TEST(RowsKernel, NeighbouringRows) {
  EXPECT_EQ("", checkKernels(R"(
sched.kernel @smear(%x: tensor<2x6x40xf32>, %g: tensor<2x6x1xf32>) attributes {kind = "rows", outer = 2, chunks = 3 : i64, result_modes = ["store"]} {
  %s = pg.shift %x axis 1 by 1 : (tensor<2x6x40xf32>) -> tensor<2x6x40xf32>
  %q = pg.sigmoid %g : (tensor<2x6x1xf32>) -> tensor<2x6x1xf32>
  %m = pg.mul %s, %q : (tensor<2x6x40xf32>, tensor<2x6x1xf32>) -> tensor<2x6x40xf32>
  %y = pg.add %x, %m : (tensor<2x6x40xf32>, tensor<2x6x40xf32>) -> tensor<2x6x40xf32>
  sched.yield %y : tensor<2x6x40xf32>
})"));
}

TEST(RowsKernel, Bf16OperandsAndConstants) {
  EXPECT_EQ("", checkKernels(R"(
sched.kernel @mixed(%x: tensor<3x21xbf16>) attributes {kind = "rows", outer = 1, result_modes = ["store", "store"]} {
  %c = pg.constant dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>
  %f = pg.convert %x : (tensor<3x21xbf16>) -> tensor<3x21xf32>
  %e = pg.exp %f : (tensor<3x21xf32>) -> tensor<3x21xf32>
  %b = pg.convert %e : (tensor<3x21xf32>) -> tensor<3x21xbf16>
  %g = pg.convert %b : (tensor<3x21xbf16>) -> tensor<3x21xf32>
  %r = pg.reshape %g : (tensor<3x21xf32>) -> tensor<3x7x3xf32>
  %y = pg.mul %r, %c : (tensor<3x7x3xf32>, tensor<1x3xf32>) -> tensor<3x7x3xf32>
  sched.yield %b, %y : tensor<3x21xbf16>, tensor<3x7x3xf32>
})"));
}

// What is computed of rows of bf16 is float32: norms, losses, their sums over
// rows. Only the rows themselves are rounded.
TEST(RowsKernel, StatisticsOfBf16Rows) {
  for (auto [rows, width] : {std::pair(1, 1), {1, 1000}, {7, 37}, {65, 200}}) {
    std::string text = replace(R"(
sched.kernel @statistics(%h: tensor<RxNxbf16>, %ids: tensor<Rxi64>)
    attributes {kind = "rows", outer = 1, chunks = 4 : i64, result_modes = ["store", "store", "store", "store", "store"]} {
  %eps = pg.constant dense<1.0e-6> : tensor<f32>
  %count = pg.constant dense<N.0> : tensor<f32>
  %x = pg.convert %h : (tensor<RxNxbf16>) -> tensor<RxNxf32>
  %q = pg.mul %x, %x : (tensor<RxNxf32>, tensor<RxNxf32>) -> tensor<RxNxf32>
  %s = pg.reduce sum %q axes [1] : (tensor<RxNxf32>) -> tensor<Rx1xf32>
  %mean = pg.div %s, %count : (tensor<Rx1xf32>, tensor<f32>) -> tensor<Rx1xf32>
  %e = pg.add %mean, %eps : (tensor<Rx1xf32>, tensor<f32>) -> tensor<Rx1xf32>
  %r = pg.rsqrt %e : (tensor<Rx1xf32>) -> tensor<Rx1xf32>
  %y = pg.mul %x, %r : (tensor<RxNxf32>, tensor<Rx1xf32>) -> tensor<RxNxf32>
  %b = pg.convert %y : (tensor<RxNxf32>) -> tensor<RxNxbf16>
  %m = pg.reduce max %x axes [1] : (tensor<RxNxf32>) -> tensor<Rx1xf32>
  %d = pg.sub %x, %m : (tensor<RxNxf32>, tensor<Rx1xf32>) -> tensor<RxNxf32>
  %p = pg.exp %d : (tensor<RxNxf32>) -> tensor<RxNxf32>
  %t = pg.reduce sum %p axes [1] : (tensor<RxNxf32>) -> tensor<Rx1xf32>
  %g = pg.log %t : (tensor<Rx1xf32>) -> tensor<Rx1xf32>
  %lse = pg.add %g, %m : (tensor<Rx1xf32>, tensor<Rx1xf32>) -> tensor<Rx1xf32>
  %at = pg.pick %x, %ids : (tensor<RxNxf32>, tensor<Rxi64>) -> tensor<Rx1xf32>
  %loss = pg.sub %lse, %at : (tensor<Rx1xf32>, tensor<Rx1xf32>) -> tensor<Rx1xf32>
  %sum = pg.partial_sum %loss {chunks = 4 : i64, outer = 1 : i64} : (tensor<Rx1xf32>) -> tensor<4x1xf32>
  %squares = pg.partial_sum %q {chunks = 4 : i64, outer = 1 : i64} : (tensor<RxNxf32>) -> tensor<4xNxf32>
  sched.yield %b, %r, %loss, %sum, %squares : tensor<RxNxbf16>, tensor<Rx1xf32>, tensor<Rx1xf32>, tensor<4x1xf32>, tensor<4xNxf32>
})",
                               {{"RxN", std::to_string(rows) + "xN"},
                                {"<Rx", "<" + std::to_string(rows) + "x"},
                                {"xN", "x" + std::to_string(width)},
                                {"N.0", std::to_string(width) + ".0"}});
    EXPECT_EQ("",
              checkKernels(text, {.tolerances = {2e-2, 1e-5, 1e-5, 1e-5, 1e-5},
                                  .deviation = 3,
                                  .high = width}))
        << rows << " " << width;
  }
}

// A reduction over axes of size 1 changes nothing, wherever it stands, and
// beside one over the other axes.
TEST(RowsKernel, ReductionsOfOneTermEach) {
  for (int outer : {0, 1})
    for (auto [shape, one, other] : {std::tuple("3x1x8", "[1]", "[2]"),
                                     {"3x8x1", "[2]", "[1]"},
                                     {"1x1x1", "[1]", "[2]"},
                                     {"5x37x1", "[2]", "[1, 2]"},
                                     {"5x1x37", "[1]", "[1, 2]"}})
      for (const char *kind : {"sum", "max"})
        EXPECT_EQ("", checkKernels(replace(
                          R"(
sched.kernel @one(%x: T, %y: T) attributes {kind = "rows", outer = O, result_modes = ["store", "store", "accumulate", "store"]} {
  %a = pg.add %x, %y : (T, T) -> T
  %s = pg.reduce K %a axes ONE : (T) -> T
  %b = pg.mul %s, %x : (T, T) -> T
  %t = pg.reduce K %x axes ONE : (T) -> T
  %u = pg.reduce K %a axes OTHER : (T) -> tensor<SxIxIxf32>
  %v = pg.sub %s, %u : (T, tensor<SxIxIxf32>) -> T
  sched.yield %b, %t, %s, %v : T, T, T, T
})",
                          {{"SxIxI", std::string(shape).substr(0, 1) + "x1x1"},
                           {" T", std::string(" tensor<") + shape + "xf32>"},
                           {"(T", std::string("(tensor<") + shape + "xf32>"},
                           {"OTHER", other},
                           {"ONE", one},
                           {"O,", std::to_string(outer) + ","},
                           {"K", kind}})))
            << outer << " " << shape << " " << kind;
}

TEST(RowsKernel, ScalarsOfAStep) {
  EXPECT_EQ("", checkKernels(R"(
sched.kernel @norm(%x: tensor<9xf32>, %lr: f64, %t: f64) attributes {kind = "rows", outer = 0, scalars = 2, result_modes = ["store", "store"]} {
  %a = pg.splat %lr : (f64) -> tensor<f32>
  %i = pg.splat %t : (f64) -> tensor<i64>
  %j = pg.convert %i : (tensor<i64>) -> tensor<f32>
  %q = pg.mul %x, %x : (tensor<9xf32>, tensor<9xf32>) -> tensor<9xf32>
  %s = pg.reduce sum %q axes [0] : (tensor<9xf32>) -> tensor<1xf32>
  %r = pg.reshape %s : (tensor<1xf32>) -> tensor<f32>
  %n = pg.sqrt %r : (tensor<f32>) -> tensor<f32>
  %y = pg.mul %n, %a : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %z = pg.add %y, %j : (tensor<f32>, tensor<f32>) -> tensor<f32>
  sched.yield %z, %q : tensor<f32>, tensor<9xf32>
})",
                             {.scalars = {0.25, 7.9}}));
}

/// What is said about a kernel that cannot be planned.
std::string refusal(const std::string &text) {
  std::string said;
  mlir::ScopedDiagnosticHandler listen(
      &getTestContext(),
      [&](mlir::Diagnostic &diagnostic) { said = diagnostic.str(); });
  EXPECT_NE("", checkKernels(text));
  return said;
}

TEST(RowsKernel, RefusesWhatIsNotRowWise) {
  EXPECT_EQ("sums over other chunks than the kernel has", refusal(R"(
sched.kernel @k(%x: tensor<8x5xf32>) attributes {kind = "rows", outer = 1, chunks = 3 : i64, result_modes = ["store"]} {
  %s = pg.partial_sum %x {chunks = 4 : i64, outer = 1 : i64} : (tensor<8x5xf32>) -> tensor<4x5xf32>
  sched.yield %s : tensor<4x5xf32>
})"));
  EXPECT_EQ("result 1 lies in other rows than the first", refusal(R"(
sched.kernel @k(%x: tensor<8x5xf32>, %y: tensor<7x5xf32>) attributes {kind = "rows", outer = 1, result_modes = ["store", "store"]} {
  sched.yield %x, %y : tensor<8x5xf32>, tensor<7x5xf32>
})"));
  EXPECT_EQ("'pg.cumsum' cannot be part of a rows kernel", refusal(R"(
sched.kernel @k(%x: tensor<8x5xf32>) attributes {kind = "rows", outer = 1, result_modes = ["store"]} {
  %c = pg.cumsum %x axis 1 : (tensor<8x5xf32>) -> tensor<8x5xf32>
  %y = pg.exp %c : (tensor<8x5xf32>) -> tensor<8x5xf32>
  sched.yield %y : tensor<8x5xf32>
})"));
}

} // namespace
